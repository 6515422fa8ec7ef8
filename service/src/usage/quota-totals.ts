// What this process has acknowledged in each quota, as grow-only sums: what a restore of lost counters is made of.
//
// One row for each counter, window, period and generation. A counter keeps the few rows it was counted in lately; one that
// is dropped and comes back begins as another owner's, so no sum ever shrinks. Quotas are never folded into an overflow
// user here: who is one too many is the store's word.
import type { Scope } from "@sluice/contract";
import { windowsOf } from "../counters/admission.ts";
import type { Claim } from "../counters/claim.ts";
import { Book } from "./book.ts";
import { Changed } from "./changed.ts";
import type { ChangedTotals, QuotaTotal } from "./total-rows.ts";
import type { UsageRow } from "./usage-totals.ts";

const MAX_COUNTERS = 200_000;
/** Rows that wait to be written down: of a full book and the one before it, in one period. */
const BOOKS_WAITING = 2;
/** The present period and the one before, each in two generations. */
const ROWS_OF_COUNTER = 4;

export type QuotaRow = Readonly<{ counter: QuotaCounter; incarnation: string; label: number; generation: number }> & {
  acknowledged: number;
};

export type QuotaCounter = Readonly<{
  tenant: string;
  scope: Scope;
  api: string | null;
  user: string | null;
  window: "quotaDay" | "month";
  incarnation: string;
}> & {
  /** Latest first. */
  rows: QuotaRow[];
  opened: number;
};

/** The periods and the generation that a take was counted under. */
export type CountedIn = Readonly<{ dayLabel: number; monthLabel: number; generation: number }>;

export class QuotaTotals implements ChangedTotals<QuotaTotal> {
  readonly #book: Book<QuotaCounter>;
  readonly #changed: Changed<QuotaRow>;
  readonly #generations = new Map<string, number>();
  readonly #onGeneration: (tenant: string) => void;

  /** `onGeneration` is told of a tenant whose generation is another than this process knew. */
  constructor(owner: string, onGeneration: (tenant: string) => void, maxCounters: number = MAX_COUNTERS) {
    this.#book = new Book(owner, maxCounters);
    this.#changed = new Changed(BOOKS_WAITING * maxCounters);
    this.#onGeneration = onGeneration;
  }

  get unwritten(): number {
    return this.#changed.size;
  }

  get lost(): number {
    return this.#changed.lost;
  }

  /** The generation of the tenant's counters as last seen; 0 when this process never counted in its quotas. */
  generationOf(tenant: string): number {
    return this.#generations.get(tenant) ?? 0;
  }

  /** Tenants in whose quotas this process has counted. */
  tenants(): IterableIterator<string> {
    return this.#generations.keys();
  }

  /** `user` is the one that the store counted it under. */
  acknowledge(row: UsageRow, claims: readonly Claim[], user: string, counted: CountedIn, cost: number): void {
    if (row.quotas === null || row.quotas.claims !== claims || row.quotas.user !== user) {
      row.quotas = { claims, user, counters: this.#countersOf(row.tenant, claims, user) };
    }
    const { counters } = row.quotas;
    for (const counter of counters) {
      const label = counter.window === "month" ? counted.monthLabel : counted.dayLabel;
      const quota = rowOf(counter, label, counted.generation);
      quota.acknowledged += cost;
      this.#changed.note(quota);
    }
    if (counters.length === 0 || this.#generations.get(row.tenant) === counted.generation) return;
    this.#generations.set(row.tenant, counted.generation);
    this.#onGeneration(row.tenant);
  }

  takeChanged(limit: number) {
    const rows = this.#changed.take(limit);
    return { rows, totals: rows.map(totalOf) };
  }

  putBack(rows: readonly QuotaRow[]): void {
    for (const row of rows) this.#changed.note(row);
  }

  noteSince(dayLabel: number): void {
    for (const { window, rows } of this.#book.rows()) {
      const since = window === "month" ? Math.floor(dayLabel / 100) : dayLabel;
      this.putBack(rows.filter(({ label }) => label >= since));
    }
  }

  #countersOf(tenant: string, claims: readonly Claim[], user: string): QuotaCounter[] {
    const counters: QuotaCounter[] = [];
    for (const claim of claims) {
      for (const window of windowsOf(claim)) {
        if (window === "quotaDay" || window === "month") counters.push(this.#counterOf(tenant, claim, user, window));
      }
    }
    return counters;
  }

  #counterOf(tenant: string, claim: Claim, user: string, window: "quotaDay" | "month"): QuotaCounter {
    const perUser = claim.scope === "TENANT_USER" || claim.scope === "TENANT_USER_API";
    const name = `${tenant}\n${window}\n${claim.scope}\n${claim.api ?? ""}\n${perUser ? user : ""}`;
    const known = this.#book.find(name);
    if (known !== undefined) return known;
    this.#book.makeRoom(1);
    const { scope, api } = claim;
    const { incarnation } = this.#book;
    const counter = { tenant, scope, api, user: perUser ? user : null, window, incarnation, rows: [], opened: 0 };
    return this.#book.open(name, counter);
  }
}

function rowOf(counter: QuotaCounter, label: number, generation: number): QuotaRow {
  for (const row of counter.rows) {
    if (row.label === label && row.generation === generation) return row;
  }
  counter.opened += 1;
  const incarnation = `${counter.incarnation}.${counter.opened}`;
  const row = { counter, incarnation, label, generation, acknowledged: 0 };
  counter.rows = [row, ...counter.rows.slice(0, ROWS_OF_COUNTER - 1)];
  return row;
}

function totalOf({ counter, incarnation, label, generation, acknowledged: total }: QuotaRow): QuotaTotal {
  const { tenant, scope, api, user, window } = counter;
  return {
    ...{ tenant, scope, api, user, window, label },
    ...{ incarnation, source: "STORE", generation, total, retracted: 0 },
  };
}
