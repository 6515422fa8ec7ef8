// usage/quota-sums.pg.ts (all of it on one page) and usage/adjustment-lock.pg.ts, as functions of the model's state with the
// names and arguments of the real ones.
import type { AskedPeriod, CounterName, QuotaSum } from "../../src/usage/quota-sum.ts";
import type { AskRows, PageEnd, SumPage } from "../../src/usage/quota-sums.pg.ts";
import type { QuotaTotal } from "../../src/usage/total-rows.ts";
import { type DatabaseState, isOtherGeneration } from "../model-postgres.ts";
import { type InTransaction, MODEL_STATEMENT } from "../postgres-link.ts";

export async function lockForAdjusting(ask: AskRows, tenant: string): Promise<void> {
  await asModel(
    ask,
    async (link, transaction, timeoutMs) => await link.lock(transaction, [tenant], "alone", timeoutMs),
  );
}

export async function lockForRestoring(ask: AskRows, tenants: readonly string[]): Promise<void> {
  await asModel(
    ask,
    async (link, transaction, timeoutMs) => await link.lock(transaction, tenants, "shared", timeoutMs),
  );
}

export async function readQuotaSums(
  ask: AskRows,
  periods: readonly AskedPeriod[],
  _from: PageEnd | null = null,
  only: CounterName | null = null,
): Promise<SumPage> {
  const sums = await asModel(ask, (link, transaction, timeoutMs) => {
    return link.inside(
      transaction,
      (state) => periods.flatMap((asked) => sumsOf(state, asked, link.isApart)),
      timeoutMs,
    );
  });
  const isAsked = ({ scope, api, user }: CounterName) => {
    return only === null || (scope === only.scope && api === only.api && user === only.user);
  };
  return { sums: (sums as QuotaSum[]).filter(isAsked), end: null };
}

/** quota-sums.pg.ts, READ: by counter, with the rows of the generation asked with apart. */
export function sumsOf(
  { quotas, adjustments }: DatabaseState,
  asked: AskedPeriod,
  isApart = isOtherGeneration,
): QuotaSum[] {
  const { tenant, window, label, generation } = asked;
  const sums = new Map<
    string,
    { asked: AskedPeriod } & Omit<Counted, "tenant" | "window" | "label"> & { atLeast: number; usedAtLeast: number }
  >();
  const add = (row: Counted, used: number, ofOthers: number) => {
    if (row.tenant !== tenant || row.window !== window || row.label !== label) return;
    const { scope, api, user } = row;
    const known = sums.get(counterKey(row)) ?? { asked, scope, api, user, atLeast: 0, usedAtLeast: 0 };
    known.usedAtLeast += used;
    known.atLeast += ofOthers;
    sums.set(counterKey(row), known);
  };
  for (const row of quotas.values()) {
    const used = row.total - row.retracted;
    add(row, used, isApart(row.generation, generation) ? used : 0);
  }
  for (const row of adjustments.values()) {
    add(row, row.amount, row.amount + (isApart(row.generation, generation) ? 0 : row.offSince));
  }
  return [...sums.values()];
}

async function asModel(ask: AskRows, statement: InTransaction): Promise<unknown> {
  return await ask(MODEL_STATEMENT, [statement]);
}

type Counted = Pick<QuotaTotal, "tenant" | "scope" | "api" | "user" | "window" | "label">;

export function counterKey({ tenant, scope, api, user, window, label }: Counted): string {
  return [tenant, window, label, scope, api, user].join("\n");
}
