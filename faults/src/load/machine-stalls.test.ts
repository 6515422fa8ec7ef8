import { afterEach, expect, test } from "vitest";
import { waitFor } from "../../../service/test/wait.ts";
import { type MachineStalls, witnessMachineStalls } from "./machine-stalls.ts";

const FROZEN_MS = 200;

let witnesses: MachineStalls | null = null;
afterEach(async () => await witnesses?.stop());

test("a witness that could not run says from when to when", async () => {
  witnesses = await witnessMachineStalls();
  const { pids, seen } = witnesses;
  // Until it ticks, it has nothing to be late for: so it is kept from running until it says so.
  const stall = await waitFor("it says so", async () => {
    await freeze(pids[0] ?? 0);
    return seen().find(({ fromMs, toMs }) => toMs - fromMs >= FROZEN_MS / 2);
  });
  expect(stall.toMs).toBeLessThanOrEqual(Date.now());
});

test("a witness that is dismissed has ended", async () => {
  witnesses = await witnessMachineStalls();
  await witnesses.stop();
  for (const pid of witnesses.pids) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});

async function freeze(pid: number): Promise<void> {
  const sinceMs = Date.now();
  process.kill(pid, "SIGSTOP");
  await waitFor("it stood still for a while", () => Date.now() > sinceMs + FROZEN_MS);
  process.kill(pid, "SIGCONT");
}
