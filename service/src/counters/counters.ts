// The port to the counters: one call takes the cost of one or several checks of ONE tenant, all-or-nothing per check.
//
// Contract, shown by counters.conformance.ts on every store:
// - A check is admitted when every enforced limit of every claim admits its cost; then every window named in a claim
//   (enforced or shadow) takes the cost, once. Otherwise nothing at all is written, not even a key.
// - Checks of one take are decided in array order, each seeing the ones before it.
// - Cost 0 looks: decided like any cost, writes nothing, books no usage.
// - The clock is the store's. Periods are chosen among those handed in; the store says which (`dayLabel`, `monthLabel`).
// - A `requestKey` admitted within the last 60 s is admitted again and takes nothing (`replayed`).
// - A new user beyond `maxUsersPerDay` of the tenant's day is counted in the overflow user (`overflowed`).
// - `states` are the counters after this check, in the order of its claims, rolled to `nowMs`: the caller explains from them.
// - "Missing" means empty: a counter that was never taken from is all zeros.
// - A take is answered within the deadline or is `unavailable`. What an unavailable take did in the store is settled by
//   the store itself: the caller says afterwards what it answered through `pending`.
import type { QuotaState } from "../limits/quota.ts";
import type { Periods } from "../limits/quota-period.ts";
import type { SlidingState } from "../limits/sliding-window.ts";
import type { Adjusted, AdjustOrder } from "./adjust.ts";
import type { Claim } from "./claim.ts";
import type { Raised, RaiseOrder } from "./raise.ts";

/** Most checks of one tenant that one take may carry. */
export const MAX_CHECKS_PER_TAKE = 16;

/** An admitted requestKey is remembered this long. */
export const REPLAY_MS = 60_000;

/** The user that later users of a tenant's day share once `maxUsersPerDay` is reached; not a printable user id. */
export { OVERFLOW_USER } from "../usage/usage-totals.ts";
/** The user of calls that name none. */
export const ANONYMOUS_USER = "";

export type TakeCheck = Readonly<{
  claims: readonly Claim[];
  /** The caller's user id, ANONYMOUS_USER, or OVERFLOW_USER. Used by TENANT_USER* claims and by usage. */
  user: string;
  /** 0..MAX_COST. */
  cost: number;
  requestId: string | null;
  /** The name usage is booked under: a policy pattern with its method, never a raw path. */
  usageApi: string;
}>;

export type Take = Readonly<{
  tenant: string;
  periods: Periods;
  maxUsersPerDay: number;
  checks: readonly TakeCheck[];
}>;

/** One counter, all five windows. */
export type CounterState = Readonly<{
  second: SlidingState;
  minute: SlidingState;
  day: SlidingState;
  quotaDay: QuotaState;
  month: QuotaState;
}>;

export type TakenCheck = Readonly<{
  admitted: boolean;
  /** Admitted before under the same requestId: nothing was taken now. */
  replayed: boolean;
  /** Counted in the overflow user instead of its own. */
  overflowed: boolean;
  states: readonly CounterState[];
}>;

/** Why a take has no answer; the label of metrics and of the answer's cause. */
export type UnavailableCause =
  | "deadline"
  | "breaker_open"
  | "disconnected"
  | "slot_moving"
  | "store_error"
  | "out_of_memory";

/**
 * A take that got no answer in time. It may still have run in the store: `settle` must be called once, with what the
 * caller answered each check instead, so that a late success is neither counted twice nor charged to a refused call.
 */
export type Unavailable = Readonly<{
  kind: "unavailable";
  cause: UnavailableCause;
  /** Milliseconds until the store is tried again; null when it is tried at the next check. */
  probeInMs: number | null;
  /**
   * `charged[i]`: check i was allowed and its cost booked by the Fallback. If it ran in the store after all, its cost
   * stays counted there, else in the Fallback's books: `onSettled(i, ran)` says which, once, as soon as it is known. That is
   * at once where nothing was in flight, and not before the store is back where something was.
   * A check that is not charged (refused, a look, a replay of one charged before) is given back, and nothing is said of it.
   */
  settle: (charged: readonly boolean[], onSettled: (checkIndex: number, ran: boolean) => void) => void;
}>;

export type Answered = Readonly<{
  kind: "answered";
  nowMs: number;
  dayLabel: number;
  monthLabel: number;
  /** The tenant's generation: another one, and the store may have forgotten (limits/quota.ts). 0 where nothing was claimed. */
  generation: number;
  checks: readonly TakenCheck[];
}>;

export type Taken = Answered | Unavailable;

export interface Counters {
  take(order: Take): Promise<Taken>;
  /** Corrects counters by hand: its contract is in adjust.ts. */
  adjust(order: AdjustOrder): Promise<Adjusted>;
  /** Brings lost quotas back: its contract is in raise.ts. */
  raise(order: RaiseOrder): Promise<Raised>;
  /** The store's clock as last seen, UTC ms: for choosing periods and validities, never for counting. */
  nowMs(): number;
  /** True when checks are counted now; the reason when they are not. */
  health(): Readonly<{ healthy: boolean; detail: string }>;
  close(): Promise<void>;
}
