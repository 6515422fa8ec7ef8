// The one form of a request path: every spelling of the same path gives the same segments.
//
// - The query and the fragment are cut off; duplicate slashes, dot segments and a trailing slash are dropped, in this
//   order, so `/a//../b` is `/b` (as in nginx; RFC 3986 on its own would keep the empty segment and say `/a/b`).
// - Escapes are decoded once and only where RFC 3986 calls them equal to the character (section 6.2.2.2, unreserved);
//   the others stay, upper-cased. So `%2e%2e` is a dot segment, `%2F` never becomes a separator, and `%252e` stays.
// - A character that a path may not hold raw (RFC 3986 `pchar`: anything non-ASCII, space, backslash, brackets, braces...)
//   is escaped as upper-case UTF-8, so that its raw and escaped spellings meet. Bytes that are no UTF-8 (`%FF`, the
//   overlong `%C0%AF`) are left alone: nobody decodes them here, so they can be nothing but themselves.
// - Malformed: no leading slash, a broken escape, a control character (raw or escaped), a lone surrogate.
//
// Normalising what was normalised changes nothing. Not here: lengths (the door), wildcards (pattern.ts).

export type NormalisedPath =
  | Readonly<{ kind: "path"; segments: readonly string[] }>
  | Readonly<{ kind: "malformed"; detail: string }>;

export function normalisePath(raw: string): NormalisedPath {
  const segments = cleanSegments(raw);
  return segments === null ? normaliseCarefully(raw) : { kind: "path", segments };
}

const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;

const UNRESERVED = characterSet("-._~");
/** Characters that stand for themselves in a segment. */
const PLAIN = characterSet("-._~!$&'()*+,;=:@");

/** The segments of a path that is normal already (most are), in one scan; null = look carefully. */
function cleanSegments(raw: string): string[] | null {
  if (raw.charCodeAt(0) !== SLASH) return null;
  const segments: string[] = [];
  let start = 1;
  for (let at = 1; at < raw.length; at += 1) {
    const code = raw.charCodeAt(at);
    if (code === SLASH) {
      if (at === start) return null;
      segments.push(raw.slice(start, at));
      start = at + 1;
    } else if (PLAIN[code] !== 1 || (code === DOT && at === start)) {
      return null;
    }
  }
  if (start < raw.length) segments.push(raw.slice(start));
  return segments;
}

function normaliseCarefully(raw: string): NormalisedPath {
  if (raw.charCodeAt(0) !== SLASH) return malformed("a path starts with /");
  if (!raw.isWellFormed()) return malformed("a lone surrogate is no character; send well-formed Unicode");
  const control = controlCharacterIn(raw);
  if (control !== -1) return malformed(`control character at character ${control + 1}; leave it out`);
  let text = "";
  let at = 0;
  const end = raw.search(/[?#]|$/);
  while (at < end) {
    const code = raw.charCodeAt(at);
    if (code === PERCENT) {
      const byte = escapedByte(raw, at);
      if (byte === null) return malformed(`broken escape at character ${at + 1}; a plain % is written %25`);
      if (isControl(byte)) return malformed(`escaped control character at character ${at + 1}; leave it out`);
      text += UNRESERVED[byte] === 1 ? String.fromCharCode(byte) : raw.slice(at, at + 3).toUpperCase();
      at += 3;
    } else {
      const character = String.fromCodePoint(raw.codePointAt(at) ?? code);
      text += code === SLASH || PLAIN[code] === 1 ? character : encodeURIComponent(character);
      at += character.length;
    }
  }
  return { kind: "path", segments: withoutDots(text.split("/")) };
}

function withoutDots(parts: readonly string[]): string[] {
  const segments: string[] = [];
  for (const part of parts) {
    if (part === "..") segments.pop();
    else if (part !== "" && part !== ".") segments.push(part);
  }
  return segments;
}

/** The byte that the escape at `at` stands for; null when it is not % and two hexadecimal digits. */
function escapedByte(raw: string, at: number): number | null {
  const digits = raw.slice(at + 1, at + 3);
  return /^[0-9A-Fa-f]{2}$/.test(digits) ? Number.parseInt(digits, 16) : null;
}

/** Index of the first control character, the cut-off query included; -1 = none. */
function controlCharacterIn(raw: string): number {
  for (let at = 0; at < raw.length; at += 1) if (isControl(raw.charCodeAt(at))) return at;
  return -1;
}

function isControl(code: number): boolean {
  return code < 0x20 || code === 0x7f;
}

function malformed(detail: string): NormalisedPath {
  return { kind: "malformed", detail };
}

/** Letters, digits and `others`, as a table by character code: 1 = in the set. Codes beyond ASCII are never in it. */
function characterSet(others: string): Uint8Array {
  const table = new Uint8Array(128);
  for (let code = 0; code < 128; code += 1) {
    const character = String.fromCharCode(code);
    if (/[A-Za-z0-9]/.test(character) || others.includes(character)) table[code] = 1;
  }
  return table;
}
