// I2: the usage that is written down against what was charged (charged.ts), tenant by tenant.
import { charged } from "./charged.ts";
import { TENANTS } from "./tenants.ts";
import type { World } from "./world.ts";

export function usageIsExact(world: World): string[] {
  return TENANTS.flatMap((tenant) => {
    const recorded = recordedOf(world, tenant);
    const { least, most } = charged(world, tenant);
    if (recorded >= least && recorded <= most) return [];
    return [`I2: ${tenant} has ${recorded} recorded, expected ${least}${least === most ? "" : `..${most}`}`];
  });
}

function recordedOf({ database }: World, tenant: string): number {
  const rows = [...database.state.usage.values()].filter((row) => row.tenant === tenant);
  return rows.reduce((sum, { total, retracted }) => sum + total - retracted, 0);
}
