import { expect, test } from "vitest";
import { waitFor } from "../../test/wait.ts";
import { TICK_MS, watchStalls } from "./stall.ts";

const BLOCKED_MS = 60;

test("a loop that we block is seen as a stall of at least as long, less one tick", async () => {
  const stalls: number[] = [];
  const end = watchStalls({ stall: (ms) => stalls.push(ms) });
  const until = performance.now() + BLOCKED_MS;
  while (performance.now() < until);
  await waitFor("the stall to be seen", () => stalls.length > 0);
  end();
  expect(stalls[0]).toBeGreaterThan(BLOCKED_MS - TICK_MS - 1);
});
