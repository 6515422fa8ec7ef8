// What an operator may write as an API pattern, and its one canonical text.
//
// Segments are literals, `*` (exactly one segment) or, only last, `**` (zero or more). Literals are normalised exactly
// like paths, so that a pattern written `/café/` or `/%63af%c3%a9` matches what callers send. `%2A` is a literal.
// The canonical text is what rows hold, what counters are named after and what patternSegments() reads back.
// Not here: matching (trie.ts) and which of several matches is the most specific (trie.ts gives them in that order).
import { normalisePath } from "./path.ts";

export const MAX_PATTERN_SEGMENTS = 32;
/** Characters of a pattern, as written and in its canonical text. */
export const MAX_PATTERN_LENGTH = 512;

/** Exactly one segment. */
export const ONE = "*";
/** Zero or more segments; only last. */
export const REST = "**";

export type ParsedPattern =
  | Readonly<{ kind: "pattern"; canonical: string; segments: readonly string[] }>
  | Readonly<{ kind: "faulty"; faults: readonly string[] }>;

export function parsePattern(text: string): ParsedPattern {
  if (text.length > MAX_PATTERN_LENGTH) return faulty([tooLong(text)]);
  if (/[?#]/.test(text)) return faulty(["a pattern has no query or fragment; end it before ? or #"]);
  const path = normalisePath(text);
  if (path.kind === "malformed") return faulty([path.detail]);
  const { segments } = path;
  const canonical = `/${segments.join("/")}`;
  const faults = [...faultsOfWildcards(segments)];
  if (segments.length > MAX_PATTERN_SEGMENTS) {
    faults.push(`${segments.length} segments; at most ${MAX_PATTERN_SEGMENTS}, end a longer one with ${REST}`);
  }
  if (canonical.length > MAX_PATTERN_LENGTH) faults.push(tooLong(canonical));
  return faults.length > 0 ? faulty(faults) : { kind: "pattern", canonical, segments };
}

/** The segments of a canonical pattern. */
export function patternSegments(canonical: string): readonly string[] {
  return canonical === "/" ? [] : canonical.slice(1).split("/");
}

/** Whether a canonical pattern matches the normalised segments of a path: one pattern at a time; the trie is for many. */
export function patternMatches(canonical: string, segments: readonly string[]): boolean {
  const wanted = patternSegments(canonical);
  const open = wanted.at(-1) === REST;
  const fixed = open ? wanted.slice(0, -1) : wanted;
  if (open ? segments.length < fixed.length : segments.length !== fixed.length) return false;
  return fixed.every((segment, index) => segment === ONE || segment === segments[index]);
}

function* faultsOfWildcards(segments: readonly string[]): Generator<string> {
  for (const [index, segment] of segments.entries()) {
    if (segment === REST) {
      if (index < segments.length - 1) yield `segment ${index + 1}: ${REST} stands only last; use ${ONE} in between`;
    } else if (segment !== ONE && segment.includes(ONE)) {
      yield `segment ${index + 1}: ${JSON.stringify(segment)} mixes ${ONE} with text; ${ONE} is a whole segment, a literal star is %2A`;
    }
  }
}

function tooLong(text: string): string {
  return `${text.length} characters; at most ${MAX_PATTERN_LENGTH}`;
}

function faulty(faults: readonly string[]): ParsedPattern {
  return { kind: "faulty", faults };
}
