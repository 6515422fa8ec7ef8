// The ledger: what the Fallback answered while nothing was counted, so that it can be booked and settled afterwards.
//
// Two books of grow-only sums, owned by one incarnation: usage per (tenant, user, API, day), and one line per quota that
// an admitted check should have counted in (counter, window, period). Because every sum only grows, writing the same
// totals twice, or late, is harmless: the greater wins. An admission that turns out to have run in the store after all
// is not subtracted but grows `retracted`; what is left to settle is admitted − retracted.
//
// Bounded: a book that is full opens no further line; what belongs there grows its `overflow`, so nothing is lost unseen.
// Checks without a policy (unknown tenant, no snapshot yet) are booked under the API UNMATCHED_API and the day of UTC.
// Not here: writing to PostgreSQL or raising counters (later), and what the Fallback answers (fallback.ts).
import { windowsOf } from "../counters/admission.ts";
import type { Claim } from "../counters/claim.ts";
import type { Periods } from "../limits/quota-period.ts";
import { type CounterIdentity, counterIdentity, counterKey } from "./counter-identity.ts";

/** Lines per book. About 400 bytes each, so at most 40 MB for both. */
export const MAX_LEDGER_LINES = 50_000;

/** Grow-only. `admitted` and `retracted` are sums of cost, `refused` is a number of checks. */
export type LedgerSums = Readonly<{ admitted: number; retracted: number; refused: number }>;
export type UsageKey = Readonly<{ tenant: string; user: string; usageApi: string; dayLabel: number }>;
export type QuotaKey = Readonly<{ counter: CounterIdentity; window: "quotaDay" | "month"; label: number }>;
export type LedgerLine<Key> = Readonly<{ key: Key; sums: LedgerSums }>;
export type LedgerBook<Key> = Readonly<{ lines: readonly LedgerLine<Key>[]; overflow: LedgerSums }>;

export type LedgerEntry = Readonly<{
  tenant: string;
  user: string;
  usageApi: string;
  claims: readonly Claim[];
  cost: number;
  /** Their current day and month are what is booked under. */
  periods: Periods;
}>;

export interface Ledger {
  readonly incarnation: string;
  /** Books an admitted check. The returned function retracts it, at most once however often it is called. */
  admit(entry: LedgerEntry): () => void;
  refuse(entry: LedgerEntry): void;
  /** The totals as they stand now; later changes do not show in them. */
  totals(): Readonly<{ incarnation: string; usage: LedgerBook<UsageKey>; quotas: LedgerBook<QuotaKey> }>;
}

export function createLedger(incarnation: string, maxLines: number = MAX_LEDGER_LINES): Ledger {
  const usage = createBook<UsageKey>(maxLines);
  const quotas = createBook<QuotaKey>(maxLines);

  function usageSums(entry: LedgerEntry): Sums {
    const { tenant, user, usageApi, periods } = entry;
    const dayLabel = periods.day.current.label;
    return usage.line(`${tenant}\n${dayLabel}\n${usageApi}\n${user}`, () => ({ tenant, user, usageApi, dayLabel }));
  }

  return {
    incarnation,
    admit(entry) {
      const lines = [usageSums(entry)];
      for (const claim of entry.claims) {
        for (const window of windowsOf(claim)) {
          if (window !== "quotaDay" && window !== "month") continue;
          const { label } = (window === "quotaDay" ? entry.periods.day : entry.periods.month).current;
          const key = `${window}\n${label}\n${counterKey(entry.tenant, claim, entry.user)}`;
          lines.push(
            quotas.line(key, () => ({ counter: counterIdentity(entry.tenant, claim, entry.user), window, label })),
          );
        }
      }
      for (const sums of lines) sums.admitted += entry.cost;
      let retracted = false;
      return () => {
        if (retracted) return;
        retracted = true;
        for (const sums of lines) sums.retracted += entry.cost;
      };
    },
    refuse(entry) {
      usageSums(entry).refused += 1;
    },
    totals: () => ({ incarnation, usage: usage.totals(), quotas: quotas.totals() }),
  };
}

type Sums = { admitted: number; retracted: number; refused: number };

function createBook<Key>(maxLines: number) {
  const lines = new Map<string, { key: Key; sums: Sums }>();
  const overflow: Sums = { admitted: 0, retracted: 0, refused: 0 };
  return {
    line(name: string, keyOf: () => Key): Sums {
      const known = lines.get(name);
      if (known !== undefined) return known.sums;
      if (lines.size >= maxLines) return overflow;
      const opened = { key: keyOf(), sums: { admitted: 0, retracted: 0, refused: 0 } };
      lines.set(name, opened);
      return opened.sums;
    },
    totals: (): LedgerBook<Key> => ({
      lines: Array.from(lines.values(), ({ key, sums }) => ({ key, sums: { ...sums } })),
      overflow: { ...overflow },
    }),
  };
}
