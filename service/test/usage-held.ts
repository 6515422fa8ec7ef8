// What Redis holds of a tenant's usage, over all incarnations and days: the cost that takes have booked there.
import type { RedisNode } from "./redis.ts";

/** `nodes` are the masters of a cluster, or the only server. A replica would count its master's usage again. */
export async function usageHeld(nodes: readonly RedisNode[], tenant: string): Promise<number> {
  const totals = await Promise.all(
    nodes.map(async (node) => {
      const keys = (await node.keys()).filter((key) => key.startsWith(`sl:{${tenant}}:w:`));
      const values = await Promise.all(keys.map((key) => node.command("HVALS", key)));
      return values.flat().reduce((sum: number, value) => sum + Number(value), 0);
    }),
  );
  return totals.reduce((sum, total) => sum + total, 0);
}
