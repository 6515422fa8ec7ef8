// A limit hit: the record that a check was refused, alone and folded with its like. Shapes only.
import type { Reason, Scope, Window } from "@sluice/contract";

/** What tells refusals apart. `window`, `policyId` and `scope` are null where no limit refused. */
type What = Readonly<{
  tenant: string;
  user: string;
  /** The name usage is booked under: `METHOD pattern`. */
  api: string;
  reason: Reason;
  window: Window | null;
  policyId: string | null;
  scope: Scope | null;
  /** 20261122, the date in the tenant's zone. */
  dayLabel: number;
}>;

/** One refused check. `atMs` by the counters' clock, UTC. */
export type LimitHit = What & Readonly<{ cost: number; atMs: number }>;

/** Refusals of one minute. A line folded beyond a bound may reach over several; it stands in the minute of its first. */
export type LimitHitLine = What &
  Readonly<{ minuteMs: number; hits: number; cost: number; firstMs: number; lastMs: number }>;

/** Tenants that no snapshot knows: their ids are whatever a caller sends, so they are not told apart. */
export const UNKNOWN_TENANT = "(unknown)";
/** Refusals beyond a bound keep their tenant, reason and limit, not their API (nor their user: OTHER_USER). */
export const OTHER_API = "(other)";

/** Where a check leaves its refusal: never waits, never throws. */
export interface LimitHitNotes {
  note(hit: LimitHit): void;
}
