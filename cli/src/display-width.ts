// How many columns of a terminal a text takes, and which text may be shown there at all. Pure.
// An approximation that is right for what names are made of: Latin, Hangul, Han and Kana, with combining marks.

const WIDE = /[\p{Script=Hangul}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff01-\uff60]/u;
const MARK = /[\p{Mn}\p{Me}\p{Cf}]/u;
const CONTROL = /\p{Cc}/gu;

export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** Names of others must not move the cursor, or end a row. */
export function displayText(text: string): string {
  return text.replace(CONTROL, "\ufffd");
}
