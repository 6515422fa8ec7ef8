// Which strings may name a user or a request: printable ones.
//
// Printable means no control character (\p{Cc}: NUL, newline, tab), no lone surrogate (\p{Cs}), no line or paragraph
// separator (\p{Zl}, \p{Zp}), no noncharacter, and no invisible format character (\p{Cf}: direction overrides, byte
// order mark, soft hyphen) except the two joiners U+200C and U+200D, which Persian, Indic scripts and emoji need.
// Spaces, private-use and unassigned code points are printable: a newer Unicode must not change what an id is.
// Nothing is normalised: two spellings of one glyph are two ids.

const ASCII = /^[\x20-\x7e]*$/;
const UNPRINTABLE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/u;

export function isPrintable(text: string): boolean {
  return ASCII.test(text) || !UNPRINTABLE.test(text);
}
