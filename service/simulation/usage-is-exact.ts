// I2: the usage that is written down against what was charged (charged.ts), tenant by tenant.
import { charged } from "./charged.ts";
import { type CheckRecord, isOfFallback } from "./journal.ts";
import { isSpared } from "./known-gaps.ts";
import { TENANTS } from "./tenants.ts";
import type { World } from "./world.ts";

export function usageIsExact(world: World): string[] {
  return TENANTS.flatMap((tenant) => {
    const recorded = recordedOf(world, tenant);
    const { least, most } = charged(world, tenant);
    if (recorded >= least && recorded <= most + unsettled(world, tenant)) return [];
    return [`I2: ${tenant} has ${recorded} recorded, expected ${least}${least === most ? "" : `..${most}`}`];
  });
}

function recordedOf({ database }: World, tenant: string): number {
  const rows = [...database.state.usage.values()].filter((row) => row.tenant === tenant);
  return rows.reduce((sum, { total, retracted }) => sum + total - retracted, 0);
}

function unsettled(world: World, tenant: string): number {
  if (!isSpared("harvestedUnsettled")) return 0;
  return world.journal.cost(
    (record) => record.ask.tenant === tenant && isRefused(record) && wasHarvested(world, record),
  );
}

/** By the Fallback, of a process that lives. */
function isRefused(record: CheckRecord): boolean {
  return record.process.end === null && isOfFallback(record) && record.answer?.allowed === false;
}

function wasHarvested({ database }: World, { process }: CheckRecord): boolean {
  const writers = [...database.state.writers];
  return writers.some(([name, { harvestedAtMs }]) => name.startsWith(`${process.owner}.`) && harvestedAtMs > 0);
}
