// F30: a worker ends as one does at its heap limit, by V8's own abort. Its instance puts another in its place, and the other
// worker answers meanwhile.
import { readFileSync } from "node:fs";
import { COUNTS_KEPT, EVERY_KILL, RATES_HOLD } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { everyTenant } from "./parts.ts";

const MOST_UNANSWERED = 10;

export const heapLimit: Fault = {
  id: "F30",
  name: "worker at its heap limit",
  about: "SIGABRT, as V8 sends itself when the heap is full, to one of the two workers of an instance.",
  stack: { instances: 2, workers: 2 },
  faultMs: 8_000,
  recoveryMs: 4_000,
  inflict: async (world) => {
    const pid = world.stack.instances[0]?.pid() ?? 0;
    const [worker] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
    if (worker === undefined || worker === "")
      throw new Error("The instance has no worker processes: set workers to 2.");
    process.kill(Number(worker), "SIGABRT");
    return everyTenant(world);
  },
  expectations: [
    ...EVERY_KILL,
    ...COUNTS_KEPT,
    RATES_HOLD,
    { figure: "unanswered", atMost: MOST_UNANSWERED, why: "only what it had in hand, and nobody may ask again" },
  ],
};
