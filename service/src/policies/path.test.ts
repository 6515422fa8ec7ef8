import fc from "fast-check";
import { expect, test } from "vitest";
import { normalisePath } from "./path.ts";

const NORMALISED: readonly (readonly [raw: string, normal: string])[] = [
  // clean already
  ["/", "/"],
  ["/v1", "/v1"],
  ["/v1/Report/export", "/v1/Report/export"],
  ["/a;v=1/b,c=d:e@f!$&'()*+", "/a;v=1/b,c=d:e@f!$&'()*+"],
  ["/.well-known/x", "/.well-known/x"],
  ["/...", "/..."],
  ["/a./b.", "/a./b."],
  // query and fragment
  ["/v1/a?b=/c/../d", "/v1/a"],
  ["/v1/a#b?c", "/v1/a"],
  ["/?x", "/"],
  ["/a/?x", "/a"],
  ["/a%3Fb", "/a%3Fb"],
  ["/a?%zz", "/a"],
  // slashes
  ["/a/", "/a"],
  ["//a///b//", "/a/b"],
  ["//", "/"],
  // dot segments
  ["/a/./b", "/a/b"],
  ["/a/../b", "/b"],
  ["/../../a", "/a"],
  ["/a/..", "/"],
  ["/a/.", "/a"],
  ["/a//../b", "/b"],
  ["/a/%2e%2E/b", "/b"],
  ["/a/.%2e/b", "/b"],
  ["/a/%2e/b", "/a/b"],
  // escapes: unreserved ones decoded once, the others upper-cased
  ["/%76%31/%41%7E%2d%5F", "/v1/A~-_"],
  ["/a%2fb", "/a%2Fb"],
  ["/a%2F%2e%2e%2Fb", "/a%2F..%2Fb"],
  ["/a%252fb", "/a%252fb"],
  ["/%252e%252e/b", "/%252e%252e/b"],
  ["/%25", "/%25"],
  ["/a%3a%3B", "/a%3A%3B"],
  // raw characters that a path may not hold meet their escapes
  ["/caf\u00e9", "/caf%C3%A9"],
  ["/caf%c3%a9", "/caf%C3%A9"],
  ["/\u{1f600}", "/%F0%9F%98%80"],
  ["/a b", "/a%20b"],
  ["/a%20b", "/a%20b"],
  ["/a\\..\\b", "/a%5C..%5Cb"],
  ["/a%5c..%5cb", "/a%5C..%5Cb"],
  ["/{id}[0]", "/%7Bid%7D%5B0%5D"],
  // bytes that are no UTF-8 stay themselves: an overlong slash or dot is neither
  ["/%c0%af", "/%C0%AF"],
  ["/a/%c0%ae%c0%ae/b", "/a/%C0%AE%C0%AE/b"],
  ["/%ff", "/%FF"],
];

test.each(NORMALISED)("%j is the path %j", (raw, normal) => {
  expect(textOf(raw)).toBe(normal);
});

const MALFORMED: readonly (readonly [raw: string, fault: RegExp])[] = [
  ["", /starts with \//],
  ["v1/a", /starts with \//],
  ["?/a", /starts with \//],
  ["/a%", /broken escape at character 3/],
  ["/a%2", /broken escape/],
  ["/a%zz", /broken escape/],
  ["/a%2/b", /broken escape/],
  ["/a% 1", /broken escape/],
  ["/a%+1", /broken escape/],
  ["/%u0041", /broken escape/],
  ["/a\u0000b", /control character at character 3/],
  ["/a%00b", /escaped control character/],
  ["/a%0d%0aX: y", /escaped control character/],
  ["/a\nb", /control character/],
  ["/a%7f", /escaped control character/],
  ["/a\u007f", /control character/],
  ["/a?\u0000", /control character/],
  ["/a\ud800", /lone surrogate/],
  ["/\udc00a", /lone surrogate/],
];

test.each(MALFORMED)("%j is malformed", (raw, fault) => {
  expect(normalisePath(raw)).toEqual({ kind: "malformed", detail: expect.stringMatching(fault) });
});

test("a path of the greatest length and one of very many segments are only paths", () => {
  expect(normalisePath(`/${"a".repeat(2047)}`)).toEqual({ kind: "path", segments: ["a".repeat(2047)] });
  expect(segmentsOf("/a".repeat(1024))).toHaveLength(1024);
  expect(segmentsOf("/..".repeat(600))).toEqual([]);
});

/** Texts that are mostly made of what normalisation cares about. */
const anyPath = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "/",
        "//",
        ".",
        "..",
        "%2e",
        "%2E",
        "%2f",
        "%2F",
        "%25",
        "%5c",
        "\\",
        "*",
        "a",
        "Z",
        "~",
        "%7e",
        "%c3%a9",
      ),
      fc.string({ unit: "binary", maxLength: 3 }),
    ),
    { maxLength: 24 },
  )
  .map((parts) => `/${parts.join("")}`);

test("normalising what was normalised changes nothing", () => {
  fc.assert(
    fc.property(anyPath, (raw) => {
      const once = normalisePath(raw);
      fc.pre(once.kind === "path");
      expect(normalisePath(`/${once.segments.join("/")}`)).toEqual(once);
    }),
    { seed: 20_261_122, numRuns: 3_000 },
  );
});

test("a segment is never empty, never a dot segment, and holds only what a path may hold", () => {
  fc.assert(
    fc.property(anyPath, (raw) => {
      const path = normalisePath(raw);
      fc.pre(path.kind === "path");
      for (const segment of path.segments) {
        expect(segment).toMatch(/^(?!\.{1,2}$)(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-F]{2}|%25)+$/);
      }
    }),
    { seed: 7, numRuns: 3_000 },
  );
});

test("a clean path spelled with escapes for its letters is the same path", () => {
  const segment = fc.stringMatching(/^[a-zA-Z0-9_~-]{1,8}$/);
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 6 }), (segments) => {
      const spelled = segments.map((text) => [...text].map((letter) => `%${hexOf(letter)}`).join(""));
      expect(segmentsOf(`//${spelled.join("//")}/`)).toEqual(segments);
      expect(segmentsOf(`/${segments.join("/")}`)).toEqual(segments);
    }),
    { seed: 11, numRuns: 500 },
  );
});

function hexOf(letter: string): string {
  return letter.charCodeAt(0).toString(16);
}

function segmentsOf(raw: string): readonly string[] {
  const path = normalisePath(raw);
  if (path.kind === "malformed") throw new Error(`${JSON.stringify(raw)} is malformed: ${path.detail}`);
  return path.segments;
}

function textOf(raw: string): string {
  return `/${segmentsOf(raw).join("/")}`;
}
