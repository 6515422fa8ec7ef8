// The users that nobody is: how they are stored beside real ones, and how a report shows them. Pure.
// A user id is any printable text, so a special one begins with a character that is not printable and can never collide
// with a caller's. Shown, it stands in brackets; a caller who names a user "(other)" looks alike but is never mixed up.

const MARK = "\u0001";

/** Everybody beyond a bound: the overflow user of counters and usage, and refusals folded together. */
export const OTHER_USER = `${MARK}other`;
/** Everybody who was erased. */
export const ERASED_USER = `${MARK}erased`;

const SHOWN = new Map([
  ["", "(anonymous)"],
  [OTHER_USER, "(other)"],
  [ERASED_USER, "(erased)"],
]);
const STORED = new Map(Array.from(SHOWN, ([stored, shown]) => [shown, stored]));

export function shownUser(stored: string): string {
  return SHOWN.get(stored) ?? stored;
}

/** What a filter of a report means by `shown`. */
export function storedUser(shown: string): string {
  return STORED.get(shown) ?? shown;
}
