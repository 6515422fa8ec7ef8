// Times how long a compiled snapshot takes to find a tenant and what a call of it must obey.
//
// Every call differs from the others in tenant and path, and snapshots of few and of many policies are asked as many
// different calls of the same tenants: otherwise the caches of the processor would be compared, and not the snapshots.
import { setImmediate as pause } from "node:timers/promises";
import { normalisePath } from "@sluice/service/policies/path.ts";
import { sourceOfSet } from "@sluice/service/policies/policy-set.ts";
import { compileSnapshot } from "@sluice/service/policies/snapshot-compile.ts";
import type { CompiledSnapshot } from "@sluice/service/policies/snapshot-compiled.ts";
import { crowdPath, crowdTenantId, policyCrowd } from "../policy-crowd.ts";

/** `calls` is how many different ones are asked in turn. */
export type MatchOrder = Readonly<{ tenants: number; policies: number; calls: number; seconds: number }>;

const CALLS_PER_LOOK = 10_000;

type Call = Readonly<{ tenant: string; segments: readonly string[] }>;
type Prepared = Readonly<{ snapshot: CompiledSnapshot; calls: readonly Call[] }>;

const prepared = new Map<string, Promise<Prepared>>();

process.on("message", async (order: MatchOrder) => {
  const key = `${order.tenants} ${order.policies} ${order.calls}`;
  if (!prepared.has(key)) prepared.set(key, prepare(order));
  process.send?.(nanosecondsPerCall((await prepared.get(key)) as Prepared, order.seconds));
});
process.once("disconnect", () => process.exit());

async function prepare({ tenants, policies, calls }: MatchOrder): Promise<Prepared> {
  const snapshot = await compileSnapshot(sourceOfSet(policyCrowd(tenants, policies), "UTC"), pause);
  return { snapshot, calls: Array.from({ length: calls }, (_, index) => callAt(index, tenants, policies)) };
}

function callAt(index: number, tenants: number, policies: number): Call {
  const path = normalisePath(crowdPath((index * 13) % policies, index));
  if (path.kind === "malformed") throw new Error(path.detail);
  return { tenant: crowdTenantId((index * 13 * 7) % tenants), segments: path.segments };
}

function nanosecondsPerCall({ snapshot, calls }: Prepared, seconds: number): number {
  const nowMs = Date.now();
  const endMs = performance.now() + seconds * 1_000;
  const before = process.threadCpuUsage();
  let done = 0;
  while (performance.now() < endMs) {
    for (let turn = 0; turn < CALLS_PER_LOOK; turn += 1, done += 1) {
      const call = calls[done % calls.length] as Call;
      const tenant = snapshot.tenant(call.tenant, nowMs);
      if (tenant === null) throw new Error(`There is no tenant ${call.tenant}.`);
      snapshot.resolve(tenant, "GET", call.segments, nowMs);
    }
  }
  const { user, system } = process.threadCpuUsage(before);
  return ((user + system) * 1_000) / done;
}
