// Looks at counters through the same script as a check, at no cost: what is used is what a check would find.
import type { Claim } from "@sluice/service/counters/claim.ts";
import {
  type Answered,
  type Counters,
  MAX_CHECKS_PER_TAKE,
  type TakeCheck,
} from "@sluice/service/counters/counters.ts";
import type { Periods } from "@sluice/service/limits/quota-period.ts";
import type { QuotaSum } from "@sluice/service/usage/quota-sum.ts";
import { CommandFailure, EXIT } from "../exit-codes.ts";

const SOURCE = { policyId: "recover", target: "EVERYONE" } as const;
/** A look is of no new user, however many a tenant's day has seen. */
const ANY_NUMBER = 1_000_000_000;

/** The generation that the next check of the tenant would be counted in. */
export async function generationOf(counters: Counters, tenant: string, periods: Periods): Promise<number> {
  const claim = claimOn({ scope: "TENANT", api: null });
  return (await look(counters, tenant, periods, [checkOn(claim, "")])).generation;
}

/** How many counters have used less than the sums say. */
export async function countersBelow(
  counters: Counters,
  tenant: string,
  periods: Periods,
  sums: readonly QuotaSum[],
): Promise<number> {
  let below = 0;
  for (let at = 0; at < sums.length; at += MAX_CHECKS_PER_TAKE) {
    const some = sums.slice(at, at + MAX_CHECKS_PER_TAKE);
    const looked = await look(
      counters,
      tenant,
      periods,
      some.map((sum) => checkOn(claimOn(sum), sum.user ?? "")),
    );
    below += some.filter((sum, i) => isBelow(looked, i, sum)).length;
  }
  return below;
}

function isBelow(looked: Answered, i: number, { asked, atLeast, usedAtLeast }: QuotaSum): boolean {
  const current = looked.checks[i]?.states[0]?.[asked.window].current;
  // The period has ended since the sums were read, or the generation with what it says of them.
  if (current === undefined || current.label !== asked.label) return false;
  const isSameGeneration = looked.generation === asked.generation;
  return current.base + current.since < usedAtLeast || (isSameGeneration && current.base < atLeast);
}

async function look(counters: Counters, tenant: string, periods: Periods, checks: TakeCheck[]): Promise<Answered> {
  const looked = await counters.take({ tenant, periods, maxUsersPerDay: ANY_NUMBER, checks });
  if (looked.kind === "answered") return looked;
  looked.settle(
    checks.map(() => false),
    () => undefined,
  );
  throw new CommandFailure(EXIT.unreachable, `The counters of ${tenant} cannot be asked (${looked.cause}).`);
}

/** In shadow, so that no look is refused. */
function claimOn({ scope, api }: Pick<Claim, "scope" | "api">): Claim {
  const source = { ...SOURCE, scope };
  const shadow = (["quotaDay", "month"] as const).map((window) => ({ window, capacity: 1, source }));
  return { scope, api, enforced: [], shadow };
}

function checkOn(claim: Claim, user: string): TakeCheck {
  return { claims: [claim], user, cost: 0, requestId: null, usageApi: "" };
}
