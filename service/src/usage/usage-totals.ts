// What this process has acknowledged, per usage row, as grow-only sums of one incarnation.
// A take carries the row's total, so that the store can heal a usage hash which a failover set back.
// Not here: writing rows to PostgreSQL, or what the Fallback admitted (fallback/ledger.ts).
import { randomBytes } from "node:crypto";

/** Rows kept before the incarnation rolls over: a row that was dropped may only come back under a new number. */
const MAX_ROWS = 200_000;

/** The user that later users of a tenant's day are booked under, here as in the counters. */
export const OVERFLOW_USER = "\u0000overflow";

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
  /** The users each tenant has rows of, since its day began. */
  #users = new Map<string, { dayLabel: number; users: Set<string> }>();
  #roll = 0;
  readonly #process = randomBytes(6).toString("base64url");
  #incarnation = `${this.#process}.0`;

  /** Names the owner of the sums: one start of one process, and a number that grows when its rows were dropped. */
  get incarnation(): string {
    return this.#incarnation;
  }

  /** At most `maxUsers` users of a tenant's day get rows of their own; later ones share the overflow user's. */
  row(tenant: string, usageApi: string, user: string, dayLabel: number, maxUsers: number): UsageRow {
    const field = fieldOf(usageApi, user);
    const row = this.#rows.get(tenant + field);
    if (row !== undefined) return row;
    const known = this.#isKnown(tenant, user, dayLabel, maxUsers);
    return this.#open(tenant, known ? field : fieldOf(usageApi, OVERFLOW_USER));
  }

  #open(tenant: string, field: string): UsageRow {
    let row = this.#rows.get(tenant + field);
    if (row === undefined) {
      if (this.#rows.size >= MAX_ROWS) this.#rollOver();
      row = { field, dayLabel: 0, acknowledged: 0, previousDayLabel: 0, previousAcknowledged: 0 };
      this.#rows.set(tenant + field, row);
    }
    return row;
  }

  #isKnown(tenant: string, user: string, dayLabel: number, maxUsers: number): boolean {
    let seen = this.#users.get(tenant);
    if (seen === undefined || seen.dayLabel < dayLabel) {
      seen = { dayLabel, users: new Set() };
      this.#users.set(tenant, seen);
    }
    if (seen.users.has(user)) return true;
    if (seen.users.size >= maxUsers) return false;
    seen.users.add(user);
    return true;
  }

  #rollOver(): void {
    this.#rows = new Map();
    this.#users = new Map();
    this.#roll += 1;
    this.#incarnation = `${this.#process}.${this.#roll}`;
  }
}

/** Neither an API's name nor a user id holds a line break, so the parts can be told apart again. */
function fieldOf(usageApi: string, user: string): string {
  return `\n${usageApi}\n${user}`;
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
