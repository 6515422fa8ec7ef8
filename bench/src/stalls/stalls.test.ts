import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { waitFor } from "../../../service/test/wait.ts";
import { nowMs } from "../clock.ts";
import { overlapsAny, readStalls, stalledMs } from "./stalls.ts";
import { watchStalls } from "./watch.ts";

const stalls = [
  { fromMs: 10, toMs: 20 },
  { fromMs: 15, toMs: 30 },
  { fromMs: 50, toMs: 52 },
];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-stalls-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("what touches a stall overlaps it", () => {
  expect(overlapsAny(stalls, 0, 9.9)).toBe(false);
  expect(overlapsAny(stalls, 0, 10)).toBe(true);
  expect(overlapsAny(stalls, 31, 49)).toBe(false);
  expect(overlapsAny(stalls, 51, 51.5)).toBe(true);
});

test("time in several stalls at once counts once, and only what lies between the instants asked about", () => {
  expect(stalledMs(stalls, 0, 100)).toBe(22);
  expect(stalledMs(stalls.toReversed(), 18, 51)).toBe(13);
  expect(stalledMs([], 0, 100)).toBe(0);
});

test("a loop that we block is written down with its instants", async () => {
  const file = join(folder, "stalls");
  const watch = watchStalls(file);
  await waitFor("the watch to listen", async () => (await readStalls(file)) !== null);
  const fromMs = nowMs();
  while (nowMs() < fromMs + 60);
  const toMs = nowMs();
  const seen = await waitFor("the stall to be seen", async () =>
    (await readStalls(file)).find(
      (stall) => stall.fromMs < toMs && stall.toMs >= toMs && stall.toMs - stall.fromMs > 50,
    ),
  );
  await watch.end();
  expect(seen.fromMs).toBeGreaterThan(fromMs - 5);
});
