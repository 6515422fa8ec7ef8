import fc from "fast-check";
import { expect, test } from "vitest";
import { ONE, patternSegments, REST } from "./pattern.ts";
import { Slices } from "./snapshot-slices.ts";
import { MAX_VISITS, type PatternMatcher, PatternTrie } from "./trie.ts";
import { IntegerList } from "./trie-integers.ts";
import { PatternRows } from "./trie-rows.ts";
import { PathWords, patternWords, Words } from "./trie-words.ts";

const MATCHES: readonly (readonly [path: string, patterns: readonly string[], found: readonly string[]])[] = [
  ["/", ["/", "/**", "/*"], ["/", "/**"]],
  ["/a", ["/**", "/*", "/a"], ["/a", "/*", "/**"]],
  ["/a", ["/a/**", "/a", "/a/*"], ["/a", "/a/**"]],
  [
    "/a/b",
    ["/a", "/a/**", "/a/*", "/a/b", "/*/b", "/*/*", "/*/**", "/**"],
    ["/a/b", "/a/*", "/a/**", "/*/b", "/*/*", "/*/**", "/**"],
  ],
  // the first segment from the left decides, however general the rest is
  ["/a/b/c", ["/*/b/c", "/a/**"], ["/a/**", "/*/b/c"]],
  ["/a/b/c", ["/a/*/c", "/a/b/*", "/a/b/**"], ["/a/b/*", "/a/b/**", "/a/*/c"]],
  ["/a/b/c", ["/a/b", "/a/b/c/d", "/A/b/c", "/a/b/*/*"], []],
  ["/a/x", ["/a/*/**", "/a/**"], ["/a/*/**", "/a/**"]],
  ["/a", ["/a/*/**", "/a/**"], ["/a/**"]],
  // a star in a path is a character
  ["/*", ["/*", "/a"], ["/*"]],
  ["/**", ["/*", "/a", "/**"], ["/*", "/**"]],
  // more than 32 segments
  [
    "/a".repeat(33),
    ["/a".repeat(32), `${"/a".repeat(31)}/**`, "/**", "/*".repeat(32)],
    [`${"/a".repeat(31)}/**`, "/**"],
  ],
  [
    "/a".repeat(32),
    ["/a".repeat(32), `${"/a".repeat(31)}/**`, "/*".repeat(32)],
    ["/a".repeat(32), `${"/a".repeat(31)}/**`, "/*".repeat(32)],
  ],
];

test.each(MATCHES)("%s finds among %j, the most specific first, %j", async (path, patterns, found) => {
  const set = patternSet(patterns);
  expect(set.find(set.trie, path).patterns).toEqual(found);
  expect(set.find(await set.rows(), path).patterns).toEqual(found);
});

test("a pattern added twice keeps its number", () => {
  const set = patternSet(["/a", "/a/**", "/a", "/a/**"]);
  expect(set.trie.size).toBe(2);
});

test("10 000 patterns of three shapes visit no more nodes than ten do", () => {
  const shapes = (count: number): string[] =>
    Array.from({ length: count }, (_, i) => [`/v1/s${i}/**`, `/v1/s${i}/*/x`, `/v1/s${i}/items`][i % 3] ?? "");
  const [ten, many] = [patternSet(shapes(10)), patternSet(shapes(10_000))];
  for (const path of ["/v1/s7/a/x", "/v1/s8/items", "/v1/none/a", "/x"]) {
    expect(many.find(many.trie, path).steps).toBe(ten.find(ten.trie, path).steps);
  }
  expect(many.trie.visitsAtMost).toBe(ten.trie.visitsAtMost);
});

test("no path visits more nodes than the number of shapes allows", () => {
  fc.assert(
    fc.property(somePatterns, fc.array(somePath, { minLength: 1, maxLength: 20 }), (patterns, paths) => {
      const set = patternSet(patterns);
      for (const path of paths) expect(set.find(set.trie, path).steps).toBeLessThanOrEqual(set.trie.visitsAtMost);
    }),
    { seed: 5, numRuns: 300 },
  );
});

test("literal and star alternating 32 deep: a set of many shapes is matched in a bounded number of steps", async () => {
  const patterns = alternating(4_096);
  const set = patternSet(patterns);
  expect(set.trie.visitsAtMost).toBeGreaterThan(MAX_VISITS);
  const rows = await set.rows();
  const worst = `${"/a".repeat(12)}/nowhere${"/a".repeat(19)}`;
  expect(set.find(set.trie, worst).steps).toBeGreaterThan(4_096);
  const { steps, patterns: found } = set.find(rows, worst);
  expect(found).toEqual([]);
  expect(steps).toBeLessThanOrEqual((33 * patterns.length) / 32);
});

test("rows find what the trie finds, in the same order", async () => {
  await fc.assert(
    fc.asyncProperty(somePatterns, fc.array(somePath, { minLength: 1, maxLength: 12 }), async (patterns, paths) => {
      const set = patternSet(patterns);
      const rows = await set.rows();
      for (const path of paths) expect(set.find(rows, path).patterns).toEqual(set.find(set.trie, path).patterns);
    }),
    { seed: 9, numRuns: 300 },
  );
  const set = patternSet(alternating(2_048));
  const rows = await set.rows();
  for (const path of ["/a".repeat(32), "/b".repeat(32), `${"/b".repeat(6)}${"/a".repeat(26)}`]) {
    expect(set.find(rows, path).patterns).toEqual(set.find(set.trie, path).patterns);
  }
});

const someSegments = fc.array(fc.constantFrom("a", "b", "c", ONE), { maxLength: 5 });
const somePatterns = fc.array(
  fc
    .tuple(someSegments, fc.boolean())
    .map(([segments, isRest]) => `/${[...segments, ...(isRest ? [REST] : [])].join("/")}`),
  { minLength: 1, maxLength: 80 },
);
const somePath = fc
  .array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 7 })
  .map((segments) => `/${segments.join("/")}`);

/** The i-th pattern has `*` where i has a bit, in the first twelve segments, and `a` in the other 20 of 32. */
function alternating(count: number): string[] {
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: 32 }, (_, at) => (at < 12 && (i >> at) & 1 ? "/*" : "/a")).join(""),
  );
}

function patternSet(patterns: readonly string[]) {
  const words = new Words();
  const trie = new PatternTrie();
  const texts: string[] = [];
  for (const pattern of patterns) texts[trie.add(patternWords(pattern, words))] = pattern;
  const find = (matcher: PatternMatcher, path: string): { steps: number; patterns: (string | undefined)[] } => {
    const [read, found] = [new PathWords(), new IntegerList()];
    read.read(patternSegments(path), words);
    const steps = matcher.match(read, found);
    return { steps, patterns: [...found.copy()].map((number) => texts[number]) };
  };
  return { trie, find, rows: () => PatternRows.build(trie, new Slices(() => Promise.resolve())) };
}
