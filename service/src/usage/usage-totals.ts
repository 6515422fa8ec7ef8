// What this process has acknowledged, per usage row, as grow-only sums.
// A take carries the row's total, so that the store can heal a usage hash which a failover set back.
// Others may have written more of a row than was acknowledged, when they took this process for dead: the store had takes
// that were refused and not given back yet. A total never shrinks; so what is beyond is retracted.
// Not here: quotas (quota-totals.ts), writing rows to PostgreSQL, or what the Fallback admitted (fallback/ledger.ts).
import { Book } from "./book.ts";
import { Changed } from "./changed.ts";
import type { QuotaCounter } from "./quota-totals.ts";
import { OTHER_USER } from "./special-users.ts";
import type { ChangedTotals, UsageTotal } from "./total-rows.ts";

const MAX_ROWS = 200_000;
/** Rows that wait to be written down: those of a full book, and of the one before it. */
const BOOKS_WAITING = 2;
/** Before any other. */
const NO_DAY = 0;

/** The user that later users of a tenant's day are booked under, here as in the counters. */
export const OVERFLOW_USER = OTHER_USER;

/** What is acknowledged of a day, what is retracted beside that, and how much of both was handed out to be written down. */
type DaySum = { dayLabel: number; acknowledged: number; retracted: number; handedOut: number };

/** One usage row (tenant, user, API) with the sums of the two latest days it was taken from. */
export type UsageRow = {
  readonly tenant: string;
  readonly user: string;
  readonly usageApi: string;
  readonly incarnation: string;
  /** The hash field without its day label. */
  readonly field: string;
  latest: DaySum;
  previous: DaySum;
  /** The quotas that the last take of this row was counted in, so that the next one need not look for them. */
  quotas: Readonly<{ claims: unknown; user: string; counters: readonly QuotaCounter[] }> | null;
};

export class UsageTotals implements ChangedTotals<UsageTotal> {
  readonly #book: Book<UsageRow>;
  readonly #changed: Changed<UsageRow>;
  /** The users each tenant has rows of, since its day began. */
  #users = new Map<string, { dayLabel: number; users: Set<string> }>();

  /** `owner` is of one start of one process. */
  constructor(owner: string, maxRows: number = MAX_ROWS) {
    this.#book = new Book(owner, maxRows);
    this.#changed = new Changed(BOOKS_WAITING * maxRows);
  }

  /** Owners of this process's rows now, and of those after the table has started over. */
  get incarnations(): readonly [string, string] {
    return [this.#book.incarnation, this.#book.nextIncarnation];
  }

  get unwritten(): number {
    return this.#changed.size;
  }

  get lost(): number {
    return this.#changed.lost;
  }

  /** Call it before the rows of one take are looked up: they are one owner's then. */
  makeRoom(rows: number): void {
    if (this.#book.makeRoom(rows)) this.#users = new Map();
  }

  /** At most `maxUsers` users of a tenant's day get rows of their own; later ones share the overflow user's. */
  row(tenant: string, usageApi: string, user: string, dayLabel: number, maxUsers: number): UsageRow {
    const field = fieldOf(usageApi, user);
    const row = this.#book.find(tenant + field);
    if (row !== undefined) return row;
    const known = this.#isKnown(tenant, user, dayLabel, maxUsers);
    return this.#open(tenant, usageApi, known ? user : OVERFLOW_USER);
  }

  acknowledge(row: UsageRow, dayLabel: number, cost: number): void {
    const sum = this.#turnTo(row, dayLabel);
    if (sum === null) return;
    sum.acknowledged += cost;
    this.#changed.note(row);
  }

  /** Tenants with rows of the present incarnation. */
  tenants(): Set<string> {
    return new Set(Array.from(this.#book.rows(), ({ tenant }) => tenant));
  }

  /** What is written down under the present incarnation: from now on that is what was acknowledged, and nothing beyond it. */
  retractBeyond(written: readonly UsageTotal[]): void {
    for (const { tenant, usageApi, user, dayLabel, total } of written) {
      const row = this.#book.find(tenant + fieldOf(usageApi, user));
      if (row === undefined) continue;
      const sum = this.#turnTo(row, dayLabel);
      if (sum === null || total <= totalOf(sum)) continue;
      sum.retracted = total - sum.acknowledged;
      this.#changed.note(row);
    }
  }

  takeChanged(limit: number) {
    const rows = this.#changed.take(limit);
    return { rows, totals: rows.flatMap((row) => [...handOut(row, row.latest), ...handOut(row, row.previous)]) };
  }

  putBack(rows: readonly UsageRow[]): void {
    for (const row of rows) {
      row.latest.handedOut = 0;
      row.previous.handedOut = 0;
      this.#changed.note(row);
    }
  }

  noteSince(dayLabel: number): void {
    for (const row of this.#book.rows()) {
      for (const sum of [row.latest, row.previous]) if (sum.dayLabel >= dayLabel) sum.handedOut = 0;
      if (row.latest.dayLabel >= dayLabel) this.#changed.note(row);
    }
  }

  /** Null for a day that the row does not hold any more. */
  #turnTo(row: UsageRow, dayLabel: number): DaySum | null {
    if (dayLabel > row.latest.dayLabel) {
      this.#leave(row);
      row.previous = row.latest;
      row.latest = nothingOn(dayLabel);
    } else if (dayLabel > row.previous.dayLabel && dayLabel < row.latest.dayLabel) {
      // The store's clock stepped back, to a day this row was not taken from.
      this.#leave(row);
      row.previous = nothingOn(dayLabel);
    }
    return sumOf(row, dayLabel);
  }

  /** A day is about to be forgotten: what is not written down of it goes on in a row of its own. */
  #leave(row: UsageRow): void {
    const { previous } = row;
    if (totalOf(previous) === previous.handedOut) return;
    this.#changed.note({ ...row, latest: previous, previous: nothingOn(NO_DAY), quotas: null });
  }

  #open(tenant: string, usageApi: string, user: string): UsageRow {
    const field = fieldOf(usageApi, user);
    const known = this.#book.find(tenant + field);
    if (known !== undefined) return known;
    this.makeRoom(1);
    const { incarnation } = this.#book;
    const sums = { latest: nothingOn(NO_DAY), previous: nothingOn(NO_DAY), quotas: null };
    return this.#book.open(tenant + field, { tenant, user, usageApi, incarnation, field, ...sums });
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
}

/** Neither an API's name nor a user id holds a line break, so the parts can be told apart again. */
function fieldOf(usageApi: string, user: string): string {
  return `\n${usageApi}\n${user}`;
}

function nothingOn(dayLabel: number): DaySum {
  return { dayLabel, acknowledged: 0, retracted: 0, handedOut: 0 };
}

/** Grows whenever one of its parts does. */
function totalOf({ acknowledged, retracted }: DaySum): number {
  return acknowledged + retracted;
}

function sumOf(row: UsageRow, dayLabel: number): DaySum | null {
  if (row.latest.dayLabel === dayLabel) return row.latest;
  return row.previous.dayLabel === dayLabel ? row.previous : null;
}

/** What was acknowledged under `dayLabel`; 0 for a day the row does not hold. */
export function acknowledgedOn(row: UsageRow, dayLabel: number): number {
  return sumOf(row, dayLabel)?.acknowledged ?? 0;
}

function handOut(row: UsageRow, sum: DaySum): UsageTotal[] {
  const total = totalOf(sum);
  if (total === sum.handedOut) return [];
  sum.handedOut = total;
  const { tenant, user, usageApi, incarnation } = row;
  const { dayLabel, retracted } = sum;
  return [{ tenant, user, usageApi, dayLabel, incarnation, source: "STORE", total, retracted }];
}
