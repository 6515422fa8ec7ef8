// What the counters are asked for some checks of one tenant. Pure.
import type { Take, TakeCheck } from "../counters/counters.ts";
import type { Counted } from "./asked.ts";

/** `asked` are of one tenant, at least one, at most MAX_CHECKS_PER_TAKE. */
export function takeOf(asked: readonly Counted[], maxUsersPerDay: number): Take {
  const { tenant, periods } = asked[0] as Counted;
  return { tenant: tenant.id, periods, maxUsersPerDay, checks: asked.map(takeCheckOf) };
}

function takeCheckOf({ input, resolution }: Counted): TakeCheck {
  const { user, cost, requestId } = input;
  return { claims: resolution.claims, user, cost, requestId, usageApi: resolution.usageApi };
}
