// What this process has acknowledged, per usage row, as grow-only sums of one incarnation.
// A take carries the row's total, so that the store can heal a usage hash which a failover set back.
// Not here: writing rows to PostgreSQL, or what the Fallback admitted (fallback/ledger.ts).
import { randomBytes } from "node:crypto";

/** Rows kept before the incarnation rolls over: a row that was dropped may only come back under a new number. */
const MAX_ROWS = 200_000;

/** One usage row (tenant, user, API) with the sums of the two latest days it was taken from. */
export type UsageRow = {
  /** The hash field without its day label. */
  readonly field: string;
  dayLabel: number;
  acknowledged: number;
  previousDayLabel: number;
  previousAcknowledged: number;
};

export class UsageTotals {
  #rows = new Map<string, UsageRow>();
  #roll = 0;
  readonly #process = randomBytes(6).toString("base64url");
  #incarnation = `${this.#process}.0`;

  /** Names the owner of the sums: one start of one process, and a number that grows when its rows were dropped. */
  get incarnation(): string {
    return this.#incarnation;
  }

  row(tenant: string, usageApi: string, user: string): UsageRow {
    const field = `|${usageApi}|${user}`;
    const key = tenant + field;
    let row = this.#rows.get(key);
    if (row === undefined) {
      if (this.#rows.size >= MAX_ROWS) this.#rollOver();
      row = { field, dayLabel: 0, acknowledged: 0, previousDayLabel: 0, previousAcknowledged: 0 };
      this.#rows.set(key, row);
    }
    return row;
  }

  #rollOver(): void {
    this.#rows = new Map();
    this.#roll += 1;
    this.#incarnation = `${this.#process}.${this.#roll}`;
  }
}

/** What was acknowledged under `dayLabel`; 0 for a day the row does not hold. */
export function acknowledgedOn(row: UsageRow, dayLabel: number): number {
  if (row.dayLabel === dayLabel) return row.acknowledged;
  return row.previousDayLabel === dayLabel ? row.previousAcknowledged : 0;
}

export function acknowledge(row: UsageRow, dayLabel: number, cost: number): void {
  if (dayLabel > row.dayLabel) {
    row.previousDayLabel = row.dayLabel;
    row.previousAcknowledged = row.acknowledged;
    row.dayLabel = dayLabel;
    row.acknowledged = 0;
  }
  if (row.dayLabel === dayLabel) row.acknowledged += cost;
  else if (row.previousDayLabel === dayLabel) row.previousAcknowledged += cost;
}
