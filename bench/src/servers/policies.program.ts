// A process that keeps policies as a worker of the service does, and tells what that costs it. Needs --expose-gc.
import { openPostgres } from "@sluice/service/platform/postgres.ts";
import { type PolicySync, startPolicySync } from "@sluice/service/policies/policies.sync.ts";
import type { PolicyTables } from "@sluice/service/policies/policy-tables.ts";
import { nowMs } from "../clock.ts";
import { type ThreadWatch, watchThread } from "./thread-watch.ts";

export type PoliciesOrder =
  | Readonly<{ kind: "load"; databaseUrl: string }>
  | Readonly<{ kind: "watch" }>
  | Readonly<{ kind: "await_version"; version: number }>;

/** `longestStayMs` is CPU time of the event loop's thread between two of its turns. */
export type Loaded = Readonly<{ elapsedMs: number; grownBytes: number; longestStayMs: number }>;
/** `atMs` is an instant of the clock that processes share. */
export type InForce = Readonly<{ atMs: number; longestStayMs: number }>;

let sync: PolicySync | null = null;
let watch: ThreadWatch | null = null;

process.on("message", async (order: PoliciesOrder) => {
  if (order.kind === "load") process.send?.(await load(order.databaseUrl));
  else if (order.kind === "watch") {
    watch = watchThread();
    process.send?.({});
  } else process.send?.(await inForce(order.version));
});
process.once("disconnect", () => process.exit());

async function load(databaseUrl: string): Promise<Loaded> {
  const bytesBefore = bytesInUse();
  const watching = watchThread();
  const startMs = nowMs();
  sync = startPolicySync({ postgres: openPostgres<PolicyTables>({ url: databaseUrl }) });
  await sync.ready;
  const elapsedMs = nowMs() - startMs;
  const longestStayMs = watching.end();
  return { elapsedMs, grownBytes: bytesInUse() - bytesBefore, longestStayMs };
}

/** When `version` came into force after the last `watch`, and how long the thread was held up at most by then. */
function inForce(version: number): Promise<InForce> {
  return new Promise((resolve) => {
    const look = () => {
      if ((sync?.current()?.version.version ?? 0) < version) setImmediate(look);
      else resolve({ atMs: nowMs(), longestStayMs: watch?.end() ?? 0 });
    };
    look();
  });
}

/** Heap and what hangs outside of it (typed arrays), after a full collection. */
function bytesInUse(): number {
  if (globalThis.gc === undefined) throw new Error("Start this program with --expose-gc.");
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
