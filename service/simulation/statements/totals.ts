// usage/write-totals.pg.ts (the greater wins; folding is not here), usage/own-rows.pg.ts and usage/quota-generations.pg.ts, as
// functions of the model's state with the names and arguments of the real ones. That the SQL does say this is shown by its
// own tests.
import { randomUUID } from "node:crypto";
import type { RebuildablePool } from "../../src/platform/pool.ts";
import type { AskedRows } from "../../src/usage/own-rows.pg.ts";
import type { OwedRestore } from "../../src/usage/quota-generations.pg.ts";
import type { QuotaTotal, UsageTotal } from "../../src/usage/total-rows.ts";
import type { Harvested } from "../../src/usage/write-totals.pg.ts";
import { linkOf } from "../postgres-link.ts";
import { counterKey } from "./sums.ts";
import { isSilent } from "./writers.ts";

export function writeUsageTotals(
  pool: RebuildablePool,
  rows: readonly UsageTotal[],
  timeoutMs: number,
): Promise<{ late: number }> {
  return linkOf(pool).run(({ usage }) => {
    for (const row of rows) keepGreater(usage, usageKey(row), row);
    return { late: 0 };
  }, timeoutMs);
}

export function writeHarvest(
  pool: RebuildablePool,
  { incarnation, rows, silentForMs }: Harvested,
  timeoutMs: number,
): Promise<void> {
  return linkOf(pool).run(({ usage, writers }, nowMs) => {
    const writer = writers.get(incarnation);
    if (writer === undefined || !(writer.ended === "HARVESTED" || isSilent(writer, nowMs, silentForMs))) return;
    for (const row of rows) {
      const retracted = usage.get(usageKey(row))?.retracted ?? 0;
      keepGreater(usage, usageKey(row), { ...row, total: retracted + row.total });
    }
  }, timeoutMs);
}

export function readOwnRows(
  pool: RebuildablePool,
  { incarnation, tenants, since }: AskedRows,
  timeoutMs: number,
): Promise<UsageTotal[]> {
  const isAsked = (row: UsageTotal) =>
    row.source === "STORE" && row.incarnation === incarnation && row.dayLabel >= since && tenants.includes(row.tenant);
  return linkOf(pool).run(({ usage }) => [...usage.values()].filter(isAsked), timeoutMs);
}

export function writeQuotaTotals(
  pool: RebuildablePool,
  rows: readonly QuotaTotal[],
  timeoutMs: number,
): Promise<OwedRestore[]> {
  return linkOf(pool).run(({ quotas, generations }) => {
    for (const row of rows) keepGreater(quotas, quotaKey(row), row);
    return [...Map.groupBy(rows, ({ tenant }) => tenant)].flatMap(([tenant, own]): OwedRestore[] => {
      const [generation = 0, ...others] = new Set(own.map((row) => row.generation));
      const wrote = others.length === 0 ? generation : 0;
      const known = generations.get(tenant);
      const isNoted = known === undefined || known.generation !== wrote || wrote === 0;
      // Of no matter to the history: debts are only compared.
      const debt = isNoted ? randomUUID() : known.debt;
      generations.set(tenant, { generation: wrote, debt });
      return debt === null ? [] : [{ tenant, debt }];
    });
  }, timeoutMs);
}

export function leaveOwed(pool: RebuildablePool, tenants: readonly string[], timeoutMs: () => number): Promise<void> {
  return linkOf(pool).run(({ generations }) => {
    for (const tenant of tenants) {
      const { generation = 0, debt = null } = generations.get(tenant) ?? {};
      generations.set(tenant, { generation, debt: debt ?? randomUUID() });
    }
  }, timeoutMs());
}

export function markRestored(
  pool: RebuildablePool,
  restored: readonly OwedRestore[],
  timeoutMs: number,
): Promise<void> {
  return linkOf(pool).run(({ generations }) => {
    for (const { tenant, debt } of restored) {
      const known = generations.get(tenant);
      if (known?.debt === debt) generations.set(tenant, { ...known, debt: null });
    }
  }, timeoutMs);
}

type Sums = Readonly<{ total: number; retracted: number }>;

function keepGreater<Row extends Sums>(rows: Map<string, Row>, key: string, row: Row): void {
  const known = rows.get(key);
  const total = Math.max(known?.total ?? 0, row.total);
  rows.set(key, { ...row, total, retracted: Math.max(known?.retracted ?? 0, row.retracted) });
}

function usageKey({ tenant, dayLabel, user, usageApi, source, incarnation }: UsageTotal): string {
  return [tenant, dayLabel, user, usageApi, source, incarnation].join("\n");
}

function quotaKey(row: QuotaTotal): string {
  return [counterKey(row), row.source, row.incarnation, row.generation].join("\n");
}
