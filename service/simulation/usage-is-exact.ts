// I2: the usage that is written down against what was charged, tenant by tenant.
//
// Exact while no process ended. What one that ended had of its Fallback may be missing, or there twice (decision 0016); what
// it had counted may be missing where the store forgot it too. A request id is best effort under the Fallback, which cannot
// know it: where it admitted one of several attempts, the store may say afterwards that another had counted already, and
// that other may be given back for its own refusal.
import { type CheckRecord, isCharged, isOfFallback, type Journal } from "./journal.ts";
import { isSpared } from "./known-gaps.ts";
import { TENANTS } from "./tenants.ts";
import type { World } from "./world.ts";

export function usageIsExact(world: World): string[] {
  return TENANTS.flatMap((tenant) => {
    const recorded = recordedOf(world, tenant);
    const { least, most } = chargedOf(world, tenant);
    if (recorded >= least && recorded <= most) return [];
    return [`I2: ${tenant} has ${recorded} recorded, expected ${least}${least === most ? "" : `..${most}`}`];
  });
}

function recordedOf({ database }: World, tenant: string): number {
  const rows = [...database.state.usage.values()].filter((row) => row.tenant === tenant);
  return rows.reduce((sum, { total, retracted }) => sum + total - retracted, 0);
}

function chargedOf(world: World, tenant: string): { least: number; most: number } {
  const { journal } = world;
  const isForgetful = journal.forgetfulShards.has(world.shardOf(tenant));
  const cost = (fits: (record: CheckRecord) => boolean) => {
    return journal.cost((record) => record.ask.tenant === tenant && fits(record));
  };
  const hasEnded = ({ process }: CheckRecord) => process.end !== null;
  const unanswered = cost(({ answer }) => answer === null);
  const fallbackOfEnded = cost((record) => hasEnded(record) && isOfFallback(record));
  const lost = cost((record) => {
    if (!isCharged(record)) return false;
    if (!hasEnded(record)) return false;
    return isOfFallback(record) || isForgetful;
  });
  const unsettled = cost(
    (record) => isSpared("harvestedUnsettled") && isRefused(record) && wasHarvested(world, record),
  );
  return {
    least: cost(isCharged) - lost - againOfFallback(journal, tenant),
    most: cost(isCharged) + unanswered + fallbackOfEnded + unsettled,
  };
}

/** Of request ids with more than one attempt: what of the Fallback's charges may have been taken back. */
function againOfFallback({ checks }: Journal, tenant: string): number {
  const attempts = checks.filter(({ ask }) => ask.tenant === tenant && ask.requestId !== null);
  const ofIds = [...Map.groupBy(attempts, ({ ask }) => ask.requestId).values()].filter((ofId) => ofId.length > 1);
  return ofIds.reduce((sum, ofId) => {
    const ofFallback = ofId.filter((record) => isCharged(record) && isOfFallback(record)).map(({ ask }) => ask.cost);
    const isOneKept = ofFallback.length === ofId.length;
    return sum + ofFallback.reduce((all, cost) => all + cost, 0) - (isOneKept ? Math.min(...ofFallback) : 0);
  }, 0);
}

/** By the Fallback, of a process that lives. */
function isRefused(record: CheckRecord): boolean {
  return record.process.end === null && isOfFallback(record) && record.answer?.allowed === false;
}

function wasHarvested({ database }: World, { process }: CheckRecord): boolean {
  const writers = [...database.state.writers];
  return writers.some(([name, { harvestedAtMs }]) => name.startsWith(`${process.owner}.`) && harvestedAtMs > 0);
}
