// The port to corrections of counters: an operator's reset, grant or charge, for some counters of one tenant at once.
//
// Contract, shown by adjust.conformance.ts on every store:
// - All of an order happens or nothing of it. Whoever takes meanwhile sees all of it or nothing.
// - An order is known by its id for ADJUSTMENT_KNOWN_MS: sent again, also after an answer was lost, it changes nothing and
//   is answered as it was the first time (`replayed`). The same id with other changes throws: it is a mistake.
// - The clock is the store's. Quotas are those of the period that holds it, chosen among the periods handed in.
// - Usage is not corrected: what was admitted was used. Remembered request ids stay known, too.
//
// What is used is never below 0, so a grant beyond it frees the whole limit and no more: `before - after` says what was
// taken off. The packed state has no sign (state.lua), and a credit beside it would be a second truth that every take
// reads. Room above a limit is a matter of the limit: an override until the period ends gives it, to the unit.
//
// A quota is base + since (limits/quota.ts). A charge goes to base, like a restore. A cut comes off since first and base
// last: since is in no row of another generation, so a restore that runs before the cut is written down undoes nothing of
// it as long as since covers it. What came off since was never in base: a restore must not take it off there once more, so
// the answer says how much it was and under which generation (`offSince`, `generation`).
// Not here: the durable rows. Whoever orders an adjustment of a quota writes `after - before` down in PostgreSQL as a
// signed row of the counter and period, with `offSince` and `generation`, so that a restore sums it up
// (usage/quota-sums.pg.ts); and restores before, where the store lost counters.
import type { Scope, Window } from "@sluice/contract";
import type { Periods } from "../limits/quota-period.ts";
import type { UnavailableCause } from "./counters.ts";

/** Most changes of one order. */
export const MAX_ADJUSTED_COUNTERS = 32;

/** As long as the Admin API keeps an Idempotency-Key. */
export const ADJUSTMENT_KNOWN_MS = 86_400_000;

export type QuotaWindow = Extract<Window, "quotaDay" | "month">;

/** A counter that was never taken from can be adjusted like any other. */
export type CounterChange = Readonly<{
  scope: Scope;
  /** `METHOD pattern` as written in the policy; null when the API is not in the scope. */
  api: string | null;
  /** The user id, ANONYMOUS_USER or OVERFLOW_USER; null when the user is not in the scope. */
  user: string | null;
  /** `amount` is added to what is used: a grant is negative. Whole, and at most MAX_QUOTA either way. */
  change:
    | Readonly<{ kind: "reset"; windows: readonly Window[] }>
    | Readonly<{ kind: "add"; window: QuotaWindow; amount: number }>;
}>;

export type AdjustOrder = Readonly<{
  /** Chosen by the caller, one for each adjustment that is meant. */
  id: string;
  tenant: string;
  periods: Periods;
  /** Made in this order. */
  changes: readonly CounterChange[];
}>;

/** What an adjustment did to one window of a counter. */
export type AdjustedWindow = Readonly<{
  window: Window;
  /** Used, as an answer to a take has it. */
  before: number;
  after: number;
  /** Of `before - after`, what a cut of a quota took off `since`; 0 for a charge and for windows that are no quota. */
  offSince: number;
  /** That `since` was counted in: the counter's own, which may be older than the tenant's. 0 where `offSince` is. */
  generation: number;
}>;

export type Adjusted =
  | Readonly<{
      kind: "adjusted";
      /** Done before under the same id: nothing changed now, and the rest of this is of then. */
      replayed: boolean;
      nowMs: number;
      dayLabel: number;
      monthLabel: number;
      /** In the order of the changes; only windows that a change names. */
      counters: readonly (readonly AdjustedWindow[])[];
    }>
  /** It is not known whether it happened: ask again with the same id. */
  | Readonly<{ kind: "unavailable"; cause: UnavailableCause }>;
