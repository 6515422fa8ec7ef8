// The ledger: what the Fallback admitted while nothing was counted, so that it can be booked and settled afterwards.
//
// Two books of grow-only sums: usage per (tenant, user, API, day), and one line per quota that an admitted check should
// have counted in (counter, window, period). Because every sum only grows, writing the same totals twice, or late, is
// harmless: the greater wins.
// A pending admission may have run in the store after all. As usage it stands at once, and if it ran it is not subtracted
// but grows `retracted`: what counts is admitted − retracted. In quotas it stands only once it is known not to have run:
// they are raised into the counters, and a raise cannot be taken back. Until then it is in memory alone.
//
// Bounded: a full book begins anew, and what waits to be written down is bounded, too (usage/book.ts, usage/changed.ts).
// Checks without a policy (unknown tenant, no snapshot yet) are booked under the API UNMATCHED_API and the day of UTC.
// What was refused is not here but among the limit hits. Not here: writing to PostgreSQL (usage/usage-snapshot.job.ts),
// raising counters (usage/restore.job.ts), and what the Fallback answers (fallback.ts).
import { windowsOf } from "../counters/admission.ts";
import type { Claim } from "../counters/claim.ts";
import type { Periods } from "../limits/quota-period.ts";
import { Book } from "../usage/book.ts";
import { Changed } from "../usage/changed.ts";
import type { ChangedTotals, QuotaTotal, UsageTotal } from "../usage/total-rows.ts";
import { counterIdentity, counterKey } from "./counter-identity.ts";

/** Lines per book, and lines of each that wait to be written down. About 400 bytes each, so at most 80 MB in all. */
export const MAX_LEDGER_LINES = 50_000;

export type LedgerEntry = Readonly<{
  tenant: string;
  user: string;
  usageApi: string;
  claims: readonly Claim[];
  cost: number;
  /** Their current day and month are what is booked under. */
  periods: Periods;
}>;

const LAST_DAY = 31;

type UsageLine = Line<Pick<UsageTotal, "tenant" | "user" | "usageApi" | "dayLabel">>;
type QuotaLine = Line<Pick<QuotaTotal, "tenant" | "scope" | "api" | "user" | "window" | "label">>;

export interface Ledger {
  /** Books an admitted check of which it is known that the store did not take it. */
  admit(entry: LedgerEntry): void;
  /**
   * Books an admitted check that the store may have taken. The returned function is told whether it did: the first word
   * counts.
   */
  admitPending(entry: LedgerEntry): (ran: boolean) => void;
  /** Before the last write: what is still pending counts as if it had not run. Twice is stricter than not at all. */
  giveUpPending(): void;
  readonly usage: ChangedTotals<UsageTotal>;
  readonly quotas: ChangedTotals<QuotaTotal>;
}

/** `owner` is a name that no other ledger ever has. */
export function createLedger(owner: string, maxLines: number = MAX_LEDGER_LINES): Ledger {
  const usage = new LedgerBook<UsageLine, UsageTotal>(
    owner,
    maxLines,
    (line) => ({ ...line.key, ...ownedBy(line) }),
    ({ key }) => key.dayLabel,
  );
  const quotas = new LedgerBook<QuotaLine, QuotaTotal>(
    owner,
    maxLines,
    (line) => ({ ...line.key, generation: 0, ...ownedBy(line) }),
    ({ key }) => (key.window === "month" ? key.label * 100 + LAST_DAY : key.label),
  );

  /** Bounded by whoever knows them to be pending (counters/settlement.redis.ts). */
  const pending = new Set<LedgerEntry>();

  return {
    usage,
    quotas,
    admit(entry) {
      usage.grow(usageLine(entry), "admitted", entry.cost);
      countInQuotas(entry);
    },
    admitPending(entry) {
      const ofUsage = usageLine(entry);
      usage.grow(ofUsage, "admitted", entry.cost);
      const own = { ...entry };
      pending.add(own);
      return (ran) => {
        if (!pending.delete(own)) return;
        if (ran) usage.grow(ofUsage, "retracted", entry.cost);
        else countInQuotas(entry);
      };
    },
    giveUpPending() {
      for (const entry of pending) countInQuotas(entry);
      pending.clear();
    },
  };

  function countInQuotas(entry: LedgerEntry): void {
    for (const line of quotaLines(entry)) quotas.grow(line, "admitted", entry.cost);
  }

  function usageLine({ tenant, user, usageApi, periods }: LedgerEntry): UsageLine {
    const dayLabel = periods.day.current.label;
    return usage.line(`${tenant}\n${dayLabel}\n${usageApi}\n${user}`, () => ({ tenant, user, usageApi, dayLabel }));
  }

  function quotaLines(entry: LedgerEntry): QuotaLine[] {
    const lines: QuotaLine[] = [];
    for (const claim of entry.claims) {
      for (const window of windowsOf(claim)) {
        if (window !== "quotaDay" && window !== "month") continue;
        const { label } = (window === "quotaDay" ? entry.periods.day : entry.periods.month).current;
        const name = `${window}\n${label}\n${counterKey(entry.tenant, claim, entry.user)}`;
        lines.push(quotas.line(name, () => ({ ...counterIdentity(entry.tenant, claim, entry.user), window, label })));
      }
    }
    return lines;
  }
}

type Line<Key> = Readonly<{ key: Key; incarnation: string }> & { admitted: number; retracted: number };

class LedgerBook<L extends Line<unknown>, Total> implements ChangedTotals<Total> {
  readonly #book: Book<L>;
  readonly #changed: Changed<L>;
  readonly #totalOf: (line: L) => Total;
  readonly #lastDayOf: (line: L) => number;

  constructor(owner: string, maxLines: number, totalOf: (line: L) => Total, lastDayOf: (line: L) => number) {
    this.#book = new Book(owner, maxLines);
    this.#changed = new Changed(maxLines);
    this.#totalOf = totalOf;
    this.#lastDayOf = lastDayOf;
  }

  get unwritten(): number {
    return this.#changed.size;
  }

  get lost(): number {
    return this.#changed.lost;
  }

  line(name: string, keyOf: () => L["key"]): L {
    const known = this.#book.find(name);
    if (known !== undefined) return known;
    this.#book.makeRoom(1);
    const opened: Line<L["key"]> = { key: keyOf(), incarnation: this.#book.incarnation, admitted: 0, retracted: 0 };
    return this.#book.open(name, opened as L);
  }

  grow(line: L, sum: "admitted" | "retracted", cost: number): void {
    line[sum] += cost;
    this.#changed.note(line);
  }

  takeChanged(limit: number) {
    const rows = this.#changed.take(limit);
    return { rows, totals: rows.map(this.#totalOf) };
  }

  putBack(rows: readonly object[]): void {
    for (const row of rows) this.#changed.note(row as L);
  }

  noteSince(dayLabel: number): void {
    for (const line of this.#book.rows()) if (this.#lastDayOf(line) >= dayLabel) this.#changed.note(line);
  }
}

function ownedBy({ incarnation, admitted: total, retracted }: Line<unknown>) {
  return { incarnation, source: "FALLBACK", total, retracted } as const;
}
