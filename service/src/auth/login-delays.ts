// How long the next try at a password has to wait, after how many wrong ones. Pure.
//
// Some wrong ones are free; then each doubles the delay up to a bound, and time forgives them one by one. So guessing slows
// to a pace that never finds a password, while nobody is ever shut out for longer than the bound: refused tries count for
// nothing, and a right password clears its account.
// Who keeps guessing an account from elsewhere cannot keep its owner out either: a network from which the account has
// signed in lately is familiar, and stands under a count of its own instead of the three others.
// Not here: where the counts live and how tries at once are kept from slipping through (login-attempts.pg.ts).

/** A wrong password counts against each of these that it touches. */
export const ATTEMPT_KINDS = ["ACCOUNT", "EVERYONE", "FAMILIAR", "NETWORK"] as const;
export type AttemptKind = (typeof ATTEMPT_KINDS)[number];

/** `lastAtMs` is when the last one was counted. */
export type Attempts = Readonly<{ failures: number; lastAtMs: number }>;

type DelayRule = Readonly<{
  freeFailures: number;
  firstDelayMs: number;
  mostDelayMs: number;
  /** One failure is forgotten each time this has passed without another. */
  forgivenEveryMs: number;
}>;

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

const RULES: Readonly<Record<AttemptKind, DelayRule>> = {
  // At most about 100 guesses a day once the free ones are gone.
  ACCOUNT: { freeFailures: 10, firstDelayMs: SECOND_MS, mostDelayMs: 15 * MINUTE_MS, forgivenEveryMs: HOUR_MS },
  FAMILIAR: { freeFailures: 10, firstDelayMs: SECOND_MS, mostDelayMs: 15 * MINUTE_MS, forgivenEveryMs: HOUR_MS },
  // An office behind one address mistypes more than one person; one guess a minute is left to a network that goes on.
  NETWORK: { freeFailures: 60, firstDelayMs: SECOND_MS, mostDelayMs: 5 * MINUTE_MS, forgivenEveryMs: MINUTE_MS },
  // The budget of a guess spread over many accounts and addresses: about one in ten seconds after the first 300.
  EVERYONE: {
    freeFailures: 300,
    firstDelayMs: SECOND_MS,
    mostDelayMs: 30 * SECOND_MS,
    forgivenEveryMs: 10 * SECOND_MS,
  },
};

/** When everything counted before is forgiven, whatever its kind. */
export const FORGOTTEN_AFTER_MS = Math.max(
  ...ATTEMPT_KINDS.map((kind) => mostFailures(RULES[kind]) * RULES[kind].forgivenEveryMs),
);

/** How long from `nowMs` until the next try is looked at; 0 = now. */
export function waitMs(kind: AttemptKind, attempts: Attempts, nowMs: number): number {
  const rule = RULES[kind];
  const { failures, lastAtMs } = forgiven(rule, attempts, nowMs);
  // A clock that runs behind the one that counted must not add to the delay.
  return Math.min(delayMs(rule, failures), Math.max(0, lastAtMs + delayMs(rule, failures) - nowMs));
}

/** With one failure more at `nowMs`. */
export function counted(kind: AttemptKind, attempts: Attempts, nowMs: number): Attempts {
  const rule = RULES[kind];
  const { failures } = forgiven(rule, attempts, nowMs);
  return { failures: Math.min(failures + 1, mostFailures(rule)), lastAtMs: nowMs };
}

/** After a right password: its account starts anew, and what all share takes back only the one that was counted for it. */
export function pardoned(kind: AttemptKind, { failures, lastAtMs }: Attempts): Attempts {
  const isShared = kind === "NETWORK" || kind === "EVERYONE";
  return { failures: isShared ? Math.max(0, failures - 1) : 0, lastAtMs };
}

function forgiven(rule: DelayRule, { failures, lastAtMs }: Attempts, nowMs: number): Attempts {
  const forgotten = Math.floor(Math.max(0, nowMs - lastAtMs) / rule.forgivenEveryMs);
  return { failures: Math.max(0, failures - forgotten), lastAtMs };
}

function delayMs({ freeFailures, firstDelayMs, mostDelayMs }: DelayRule, failures: number): number {
  const beyond = failures - freeFailures;
  return beyond < 0 ? 0 : Math.min(mostDelayMs, firstDelayMs * 2 ** beyond);
}

/** More are not counted: they would delay no longer, only be forgiven later. */
function mostFailures({ freeFailures, firstDelayMs, mostDelayMs }: DelayRule): number {
  return freeFailures + Math.ceil(Math.log2(mostDelayMs / firstDelayMs));
}
