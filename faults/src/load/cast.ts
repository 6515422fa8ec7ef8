// Whom the load speaks for: on every third of the slots one tenant of each kind, each with one limit that is tight. Pure.
//
// A kind stands for what a fault may do to its limit: refuse too early, admit too much, forget what was used up. What a
// tenant is offered follows from the load's rate, so its limit is a share of that: it is reached, and when is known.
// Not here: the requests (requests.ts), or what the limits mean to the checker (check/counters.ts).
import type { Limits, Scope } from "@sluice/contract";
import { SLOTS, slotOf } from "@sluice/service/counters/topology.ts";
import type { PolicyEntry, PolicySet, TenantEntry } from "@sluice/service/policies/policy-set.ts";

export const TENANT_KINDS = [
  /** Limits nobody reaches: every refusal is wrong. */
  "roomy",
  /** Refused all the time, by the second. */
  "second",
  /** Refused in the second half of a minute. */
  "minute",
  /** Used up before the fault, so it must stay used up. */
  "spent-month",
  /** Used up after the fault, so what was counted before must still count. */
  "filling-month",
  /** A day's quota of each user; the busiest ones use theirs up. */
  "user-day",
  /** Limits of two APIs. */
  "two-apis",
] as const;
export type TenantKind = (typeof TENANT_KINDS)[number];

export type CastMember = Readonly<{ id: string; kind: TenantKind; zone: string }>;

/** What the load will be, as far as limits follow from it. */
export type LoadShape = Readonly<{
  perSecond: number;
  /** From the first request to the fault, and to the end. */
  baselineMs: number;
  totalMs: number;
}>;

export const SHARDS = 3;
/** Of the costs that requests.ts draws. */
export const MEAN_COST = 2;
const PLAN = "LAB";
/** Its days end nine hours before those of UTC. */
const OTHER_ZONE = "Asia/Seoul";

/** `name` keeps tenants of one run apart from those of another on the same stack. */
export function castOf(name: string): CastMember[] {
  return Array.from({ length: SHARDS }, (_, shard) =>
    TENANT_KINDS.map((kind) => {
      return { id: idOnShard(`${name}.${kind}`, shard), kind, zone: kind === "user-day" ? OTHER_ZONE : "UTC" };
    }),
  ).flat();
}

export function policySetOf(cast: readonly CastMember[], shape: LoadShape): PolicySet {
  return {
    plans: [{ name: PLAN, limits: {} }],
    tenants: cast.map(({ id, zone }): TenantEntry => {
      return { id, name: id, plan: PLAN, status: "ACTIVE", timeZone: zone };
    }),
    policies: cast.flatMap(({ id, kind }) => policiesOf(id, kind, shape, cast.length)),
  };
}

function policiesOf(id: string, kind: TenantKind, shape: LoadShape, tenants: number): PolicyEntry[] {
  const costPerSecond = (shape.perSecond * MEAN_COST) / tenants;
  const share = (of: number, seconds: number) => Math.max(1, Math.floor(of * seconds * costPerSecond));
  const row = (apiPattern: string, scope: Scope, limits: Limits) => policyRow(id, apiPattern, scope, limits);
  switch (kind) {
    case "roomy":
      return [row("/**", "TENANT", { perSecond: 1_000_000, quotaPerMonth: 1_000_000_000 })];
    case "second":
      return [row("/**", "TENANT", { perSecond: share(0.6, 1) })];
    case "minute":
      return [row("/**", "TENANT", { perMinute: share(0.3, 60) })];
    case "spent-month":
      return [row("/**", "TENANT", { quotaPerMonth: share(0.5, shape.baselineMs / 1_000) })];
    case "filling-month":
      return [row("/**", "TENANT", { quotaPerMonth: share(0.75, shape.totalMs / 1_000) })];
    case "user-day":
      return [row("/**", "TENANT_USER", { quotaPerDay: share(0.3, shape.baselineMs / 1_000) })];
    case "two-apis":
      return [
        row("/orders/**", "TENANT_API", { perSecond: share(0.4, 1) }),
        row("/reports/**", "TENANT_API", { quotaPerDay: share(0.3, shape.totalMs / 1_000) }),
      ];
  }
}

function policyRow(id: string, apiPattern: string, scope: Scope, limits: Limits): PolicyEntry {
  return {
    name: `${id} ${apiPattern}`,
    target: { kind: "TENANT", tenant: id },
    httpMethod: "ANY",
    apiPattern,
    scope,
    limits,
    enforcement: "ENFORCE",
    enabled: true,
    fallback: null,
    validity: null,
    reason: null,
  };
}

/** The first id that lies in this third of the slots, as a new cluster spreads them. */
function idOnShard(stem: string, shard: number): string {
  for (let number = 0; ; number += 1) {
    const id = `${stem}.${number}`;
    if (Math.floor((slotOf(id) * SHARDS) / SLOTS) === shard) return id;
  }
}
