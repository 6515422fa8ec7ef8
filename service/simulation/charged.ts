// What was charged to a tenant, as those who asked know it: the least and the most that may be written down or counted.
//
// Exact while no process ended. What one that ended had of its Fallback may be missing, or there twice (decision 0016); what
// it had counted may be missing where the store forgot it too. A request id is best effort under the Fallback, which cannot
// know it: where it admitted one of several attempts, the store may say afterwards that another had counted already, and
// that other may be given back for its own refusal.
import { type CheckRecord, isCharged, isOfFallback, type Journal } from "./journal.ts";
import type { World } from "./world.ts";

export type Bounds = Readonly<{ least: number; most: number }>;

/** Of the checks that fit, all of one tenant. */
export function charged(world: World, tenant: string, fits: (record: CheckRecord) => boolean = () => true): Bounds {
  const { journal } = world;
  const isForgetful = journal.forgetfulShards.has(world.shardOf(tenant));
  const cost = (isOne: (record: CheckRecord) => boolean) => {
    return journal.cost((record) => record.ask.tenant === tenant && fits(record) && isOne(record));
  };
  const lost = cost((record) => isCharged(record) && hasEnded(record) && (isOfFallback(record) || isForgetful));
  const unanswered = cost(({ answer }) => answer === null);
  const fallbackOfEnded = cost((record) => hasEnded(record) && isOfFallback(record));
  const all = cost(isCharged);
  return {
    least: all - lost - takenBack(journal, tenant),
    most: all + unanswered + fallbackOfEnded + countedAgain(journal, tenant),
  };
}

function hasEnded({ process }: CheckRecord): boolean {
  return process.end !== null;
}

/** Of request ids with more than one attempt: what of the Fallback's charges may have been taken back, ... */
function takenBack({ checks }: Journal, tenant: string): number {
  return sum(
    attemptsOf(checks, tenant).map((attempts) => {
      const ofFallback = attempts
        .filter((record) => isCharged(record) && isOfFallback(record))
        .map(({ ask }) => ask.cost);
      return sum(ofFallback) - (ofFallback.length === attempts.length ? Math.min(...ofFallback) : 0);
    }),
  );
}

/** ... and what the store may have counted of an attempt that was answered as a replay of the Fallback's. */
function countedAgain({ checks }: Journal, tenant: string): number {
  const withFallback = attemptsOf(checks, tenant).filter((attempts) => attempts.some(isOfFallback));
  return sum(withFallback.flat().map((record) => (isCharged(record) ? 0 : record.ask.cost)));
}

function attemptsOf(checks: readonly CheckRecord[], tenant: string): CheckRecord[][] {
  const named = checks.filter(({ ask }) => ask.tenant === tenant && ask.requestId !== null);
  return [...Map.groupBy(named, ({ ask }) => ask.requestId).values()].filter((attempts) => attempts.length > 1);
}

function sum(costs: readonly number[]): number {
  return costs.reduce((all, cost) => all + cost, 0);
}
