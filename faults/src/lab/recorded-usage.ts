// What PostgreSQL holds of the usage of a run, once the processes have had their time to write it.
import { waitFor } from "../../../service/test/wait.ts";
import type { RunningStack } from "../../../stack/src/stack.ts";
import { balanceUsage, type Kills, type RecordedUsage, type UsageBalance } from "../check/usage.ts";
import type { Entry } from "../journal/entry.ts";

/** The service's default is 5 s, and a killed process's tail takes two intervals of another. */
const WRITTEN_MS = 15_000;

/** Waits until nothing is missing or too much; after a bound, what is missing is lost, and what is too much was counted twice. */
export async function usageBalance(
  stack: RunningStack,
  entries: readonly Entry[],
  kills: Kills,
): Promise<UsageBalance> {
  const balance = async () => balanceUsage(entries, await recordedUsage(stack), kills);
  const isEven = async () => Object.values(await balance()).every((cost) => cost === 0);
  await waitFor("usage is recorded", isEven, WRITTEN_MS).catch(() => undefined);
  return await balance();
}

async function recordedUsage({ postgres }: RunningStack): Promise<RecordedUsage> {
  const rows = await postgres.sql(
    "select tenant_id, sum(total - retracted) as total from usage_rows group by tenant_id",
  );
  return new Map(rows.map(({ tenant_id: tenant, total }) => [String(tenant), Number(total)]));
}
