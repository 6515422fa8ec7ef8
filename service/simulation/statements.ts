// The SQL of the service as functions of the model's state. Each has the name and the arguments of the function that it
// stands for, and its semantics: usage/write-totals.pg.ts (the greater wins; folding is not here), usage/usage-writers.pg.ts,
// usage/quota-generations.pg.ts, usage/quota-sums.pg.ts (one page), usage/adjustment-lock.pg.ts and policies/policy-read.pg.ts. That the SQL does say this is
// shown by their own tests on a real server.
import type { RebuildablePool } from "../src/platform/pool.ts";
import type { Plan, Tenant } from "../src/policies/policy.ts";
import { isSameHistory } from "../src/policies/policy-head.pg.ts";
import type { PolicyRead } from "../src/policies/policy-read.pg.ts";
import type { PolicyVersion, SnapshotSource } from "../src/policies/snapshot.ts";
import type { OwedRestore } from "../src/usage/quota-generations.pg.ts";
import type { AskedPeriod, CounterName, QuotaSum } from "../src/usage/quota-sum.ts";
import type { AskRows, PageEnd, SumPage } from "../src/usage/quota-sums.pg.ts";
import type { QuotaTotal, UsageTotal } from "../src/usage/total-rows.ts";
import { type DatabaseState, isOtherGeneration, type Writer } from "./model-postgres.ts";
import { type InTransaction, linkOf, MODEL_STATEMENT } from "./postgres-link.ts";
import { PLAN, POLICIES, SYSTEM_ID, TENANTS } from "./tenants.ts";

const READ_TIMEOUT_MS = 4_000;

let debts = 0;

/** Of no matter to the history: they are only compared. */
function newDebt(): string {
  debts += 1;
  return `debt-${debts}`;
}

type Sums = Readonly<{ total: number; retracted: number }>;

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
      const debt = isNoted ? newDebt() : known.debt;
      generations.set(tenant, { generation: wrote, debt });
      return debt === null ? [] : [{ tenant, debt }];
    });
  }, timeoutMs);
}

export function leaveOwed(pool: RebuildablePool, tenants: readonly string[], timeoutMs: number): Promise<void> {
  return linkOf(pool).run(({ generations }) => {
    for (const tenant of tenants) {
      generations.set(tenant, { generation: generations.get(tenant)?.generation ?? 0, debt: newDebt() });
    }
  }, timeoutMs);
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

export function beat(pool: RebuildablePool, incarnations: readonly string[], timeoutMs: number): Promise<void> {
  return linkOf(pool).run(({ writers }, nowMs) => {
    for (const incarnation of incarnations) {
      writers.set(incarnation, { ...(writers.get(incarnation) ?? NEW_WRITER), flushedAtMs: nowMs, ended: null });
    }
  }, timeoutMs);
}

export function closeWriters(
  pool: RebuildablePool,
  incarnations: readonly string[],
  history: string | null,
  timeoutMs: number,
): Promise<string> {
  return linkOf(pool).run(({ timeline, writers }, nowMs) => {
    const present = `${SYSTEM_ID} ${timeline}`;
    for (const incarnation of present === history ? incarnations : []) {
      writers.set(incarnation, { ...(writers.get(incarnation) ?? NEW_WRITER), flushedAtMs: nowMs, ended: "CLOSED" });
    }
    return present;
  }, timeoutMs);
}

export function silentWriters(pool: RebuildablePool, silentForMs: number, timeoutMs: number): Promise<string[]> {
  return linkOf(pool).run(({ writers }, nowMs) => {
    return [...writers]
      .filter(([, writer]) => isSilent(writer, nowMs, silentForMs))
      .map(([incarnation]) => incarnation);
  }, timeoutMs);
}

export function claimWriter(
  pool: RebuildablePool,
  incarnation: string,
  forMs: number,
  timeoutMs: number,
): Promise<boolean> {
  return linkOf(pool).run(({ writers }, nowMs) => {
    const writer = writers.get(incarnation);
    if (writer === undefined || writer.ended !== null || writer.harvestUntilMs >= nowMs) return false;
    writers.set(incarnation, { ...writer, harvestUntilMs: nowMs + forMs });
    return true;
  }, timeoutMs);
}

export function unclaimWriter(pool: RebuildablePool, incarnation: string, timeoutMs: number): Promise<void> {
  return linkOf(pool).run(({ writers }) => {
    const writer = writers.get(incarnation);
    if (writer !== undefined) writers.set(incarnation, { ...writer, harvestUntilMs: 0 });
  }, timeoutMs);
}

export function markHarvested(
  pool: RebuildablePool,
  incarnation: string,
  silentForMs: number,
  timeoutMs: number,
): Promise<void> {
  return linkOf(pool).run(({ writers }, nowMs) => {
    const writer = writers.get(incarnation);
    if (writer === undefined || !isSilent(writer, nowMs, silentForMs)) return;
    writers.set(incarnation, { ...writer, ended: "HARVESTED", harvestedAtMs: nowMs });
  }, timeoutMs);
}

export function harvestedLongAgo(
  pool: RebuildablePool,
  incarnations: readonly string[],
  limit: number,
  timeoutMs: number,
): Promise<string[]> {
  return linkOf(pool).run(({ writers }, nowMs) => {
    const due = incarnations.filter((incarnation) => {
      const { ended, harvestedAtMs, flushedAtMs } = writers.get(incarnation) ?? NEW_WRITER;
      return ended === "HARVESTED" && harvestedAtMs + (harvestedAtMs - flushedAtMs) < nowMs;
    });
    return due.slice(0, limit);
  }, timeoutMs);
}

export function markHarvestedAgain(pool: RebuildablePool, incarnation: string, timeoutMs: number): Promise<void> {
  return linkOf(pool).run(({ writers }, nowMs) => {
    const writer = writers.get(incarnation);
    if (writer?.ended === "HARVESTED") writers.set(incarnation, { ...writer, harvestedAtMs: nowMs });
  }, timeoutMs);
}

export function claimSearch(pool: RebuildablePool, everyMs: number, timeoutMs: number): Promise<boolean> {
  return linkOf(pool).run((state, nowMs) => {
    if (state.searchedAtMs > nowMs - everyMs) return false;
    state.searchedAtMs = nowMs;
    return true;
  }, timeoutMs);
}

export function registerWriters(
  pool: RebuildablePool,
  incarnations: readonly string[],
  timeoutMs: number,
): Promise<void> {
  return linkOf(pool).run(({ writers }, nowMs) => {
    for (const incarnation of incarnations) {
      if (!writers.has(incarnation)) writers.set(incarnation, { ...NEW_WRITER, flushedAtMs: nowMs });
    }
  }, timeoutMs);
}

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

export function readPolicies(pool: RebuildablePool, known: PolicyVersion | null): Promise<PolicyRead> {
  const link = linkOf(pool);
  return link.run((stored): PolicyRead => {
    const state = { ...stored, version: link.versionSeen(stored.version) };
    const { version: source } = sourceOf(state);
    if (known === null || !isSameHistory(known, source) || known.version > source.version) {
      return { kind: "all", version: source, source: sourceOf(state) };
    }
    if (known.version === source.version) return { kind: "same", version: source };
    const plans = { changed: [planOf(state)], removed: [] };
    return { kind: "changed", version: source, change: { version: source, plans } };
  }, READ_TIMEOUT_MS);
}

export function sourceOf(state: Pick<DatabaseState, "timeline" | "version" | "limits">): SnapshotSource {
  const { timeline, version } = state;
  return {
    version: { systemId: SYSTEM_ID, timeline, version },
    tenants: TENANTS.map((id): Tenant => ({ id, plan: PLAN, status: "ACTIVE", timeZone: "UTC", nextPlan: null })),
    plans: [planOf(state)],
    policies: POLICIES,
    credentials: [],
  };
}

const NEW_WRITER: Writer = { flushedAtMs: 0, ended: null, harvestUntilMs: 0, harvestedAtMs: 0 };

function planOf({ limits }: Pick<DatabaseState, "limits">): Plan {
  return { name: PLAN, limits };
}

function isSilent({ ended, flushedAtMs }: Writer, nowMs: number, silentForMs: number): boolean {
  return ended === null && flushedAtMs < nowMs - silentForMs;
}

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

type Counted = Pick<QuotaTotal, "tenant" | "scope" | "api" | "user" | "window" | "label">;

function counterKey({ tenant, scope, api, user, window, label }: Counted): string {
  return [tenant, window, label, scope, api, user].join("\n");
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
  const add = (row: Counted, used: number, isOther: boolean) => {
    if (row.tenant !== tenant || row.window !== window || row.label !== label) return;
    const { scope, api, user } = row;
    const known = sums.get(counterKey(row)) ?? { asked, scope, api, user, atLeast: 0, usedAtLeast: 0 };
    known.usedAtLeast += used;
    if (isOther) known.atLeast += used;
    sums.set(counterKey(row), known);
  };
  for (const row of quotas.values()) add(row, row.total - row.retracted, isApart(row.generation, generation));
  for (const row of adjustments.values()) add(row, row.amount, true);
  return [...sums.values()];
}

async function asModel(ask: AskRows, statement: InTransaction): Promise<unknown> {
  return await ask(MODEL_STATEMENT, [statement]);
}
