import fc from "fast-check";
import { expect, test } from "vitest";
import { normalisePath } from "./path.ts";
import { parsePattern, patternSegments } from "./pattern.ts";

test.each([
  ["/", "/"],
  ["/**", "/**"],
  ["/v1/*/items/**", "/v1/*/items/**"],
  ["/v1//a/", "/v1/a"],
  ["/v1/a/../b", "/v1/b"],
  ["/%76%31/caf\u00e9", "/v1/caf%C3%A9"],
  ["/a%2fb/*", "/a%2Fb/*"],
  ["/%2A", "/%2A"],
  ["/{id}", "/%7Bid%7D"],
  ["/v1/**/", "/v1/**"],
  [`/${"a".repeat(511)}`, `/${"a".repeat(511)}`],
  ["/a".repeat(32), "/a".repeat(32)],
])("%j has the canonical text %j", (text, canonical) => {
  expect(parsePattern(text)).toMatchObject({ kind: "pattern", canonical });
});

test.each([
  ["v1", /starts with \//],
  ["", /starts with \//],
  ["/a?b", /no query or fragment/],
  ["/a#b", /no query or fragment/],
  ["/a%2", /broken escape/],
  ["/a\u0000", /control character/],
  ["/**/a", /segment 1: \*\* stands only last/],
  ["/a/b*", /segment 2: "b\*" mixes \*/],
  ["/a/***", /segment 2: "\*\*\*" mixes \*/],
  ["/a".repeat(33), /33 segments; at most 32/],
  [`/${"a".repeat(512)}`, /513 characters; at most 512/],
  [`/${"\u00e9".repeat(100)}`, /601 characters; at most 512/],
])("%j is refused with its fault", (text, fault) => {
  expect(parsePattern(text)).toEqual({ kind: "faulty", faults: [expect.stringMatching(fault)] });
});

test("every fault is named at once", () => {
  const parsed = parsePattern(`/**/a*${"/b".repeat(40)}`);
  expect(parsed).toMatchObject({ kind: "faulty", faults: { length: 3 } });
});

test("a canonical pattern is its own canonical text, and reads back as the same segments", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("a", "%2e", "..", "*", "\u00e9", "b%2f", ""), { maxLength: 8 }), (parts) => {
      const parsed = parsePattern(`/${parts.join("/")}`);
      fc.pre(parsed.kind === "pattern");
      expect(parsePattern(parsed.canonical)).toEqual(parsed);
      expect(patternSegments(parsed.canonical)).toEqual(parsed.segments);
    }),
    { seed: 3, numRuns: 500 },
  );
});

test("a literal pattern and the path of the same spelling have the same segments", () => {
  for (const text of ["/v1/a", "/%7Euser//x/./y/", "/a b/%41", "/\u00fc/%c3%bc", "/a\\b"]) {
    expect(parsePattern(text)).toMatchObject({ segments: segmentsOfPath(text) });
  }
});

function segmentsOfPath(raw: string): readonly string[] {
  const path = normalisePath(raw);
  return path.kind === "path" ? path.segments : [];
}
