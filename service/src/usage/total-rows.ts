// What leaves a process for PostgreSQL: absolute sums, each with one owner. Pure types.
//
// Every sum only grows while its owner lives, so of two writings the greater is the later: writing again, twice or late
// changes nothing. The Fallback retracts what turned out to be counted, a process what others wrote of it and was not.
import type { Scope } from "@sluice/contract";

export type TotalSource = "STORE" | "FALLBACK";

/** Sums of cost, whole and ≥ 0. What was used is `total - retracted`. */
type Sums = Readonly<{ total: number; retracted: number }>;

/** `incarnation` is the owner: one start of one process, and a number that grows when its rows were dropped. */
type Owned = Readonly<{ incarnation: string; source: TotalSource }>;

export type UsageTotal = Owned &
  Sums &
  Readonly<{
    tenant: string;
    user: string;
    usageApi: string;
    /** 20261122, in the tenant's zone. */
    dayLabel: number;
  }>;

export type QuotaTotal = Owned &
  Sums &
  Readonly<{
    tenant: string;
    scope: Scope;
    /** Null where the scope has none, as for `user`. */
    api: string | null;
    user: string | null;
    window: "quotaDay" | "month";
    /** 20261122 or 202611. */
    label: number;
    /** The tenant's generation that it was counted under; 0 for the Fallback. */
    generation: number;
  }>;

/** Sums of one kind in this process, and which of them are to be written down. */
export interface ChangedTotals<Total> {
  /** How many rows have sums that are not written down. */
  readonly unwritten: number;
  /** How many rows were given up before they could be written down. */
  readonly lost: number;
  /** At most `limit` rows, longest ago first, with the sums that grew; as good as written down unless put back. */
  takeChanged(limit: number): Readonly<{ rows: readonly object[]; totals: readonly Total[] }>;
  /** They could not be written down. */
  putBack(rows: readonly object[]): void;
  /** What is known of this day (20261122) and later ones is to be written down once more, for a database that was set back. */
  noteSince(dayLabel: number): void;
}
