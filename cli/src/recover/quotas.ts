// Whether quotas in Redis are at least what PostgreSQL knows was used of their present periods, tenant by tenant.
// A grant that is made while it looks may seem too low for that moment; repairing keeps such corrections away.
// Not here: how quotas are raised (the service's restore), asking one counter (quota-looks.ts).
import type { DatabaseConfig, RedisConfig } from "@sluice/service/config-stores.ts";
import { RedisCounters } from "@sluice/service/counters/counters.redis.ts";
import { type Periods, periodsAt } from "@sluice/service/limits/quota-period.ts";
import { openPostgres } from "@sluice/service/platform/postgres.ts";
import { redisAccess } from "@sluice/service/stores.ts";
import { Acknowledged } from "@sluice/service/usage/acknowledged.ts";
import { openPeriods } from "@sluice/service/usage/open-periods.ts";
import type { AskedPeriod } from "@sluice/service/usage/quota-sum.ts";
import { type AskRows, type PageEnd, prepareToRead, readQuotaSums } from "@sluice/service/usage/quota-sums.pg.ts";
import { createRestore } from "@sluice/service/usage/restore.job.ts";
import { connectFailure } from "../database.ts";
import type { Finding } from "../doctor/finding.ts";
import { CommandFailure, EXIT } from "../exit-codes.ts";
import { postgresOptions } from "../stores.ts";
import { countersBelow, generationOf } from "./quota-looks.ts";

const TENANTS_AT_ONCE = 100;
/** Nobody waits for an answer here as a check does. */
const DEADLINE_MS = 2_000;
const NAMED_TENANTS = 10;

export type QuotasVerified = Readonly<{
  redis: Extract<RedisConfig, { kind: "redis" }>;
  database: Extract<DatabaseConfig, { kind: "postgres" }>;
  idSecret: string;
  isRepairing: boolean;
  /** Null = all. */
  only: readonly string[] | null;
  progress: (text: string) => void;
}>;

type Tenant = Readonly<{ id: string; time_zone: string }>;
/** `tenants` = those with quotas that are too low. */
type Compared = { quotas: number; below: number; readonly tenants: string[] };
type Opened = Readonly<{ counters: RedisCounters; pool: ReturnType<typeof openPostgres>["pool"] }>;

export async function verifyQuotas(asked: QuotasVerified): Promise<Finding[]> {
  const { redis, database, idSecret } = asked;
  const counters = new RedisCounters({
    seeds: redis.seeds.map(({ host, port }) => `${host}:${port}`),
    access: redisAccess(redis),
    ...{ keyPrefix: "sl:", idSecret, deadlineMs: DEADLINE_MS, acknowledged: new Acknowledged(), observer: NOBODY },
  });
  const { pool, close } = openPostgres({ ...postgresOptions(database, "service"), poolSize: 1 });
  try {
    await pool.query("select").catch((fault: unknown) => {
      throw connectFailure(fault);
    });
    await counters.start();
    return [await compareAll({ counters, pool }, asked)];
  } finally {
    await counters.close();
    await close();
  }
}

async function compareAll(opened: Opened, { only, isRepairing, progress }: QuotasVerified): Promise<Finding> {
  const all: Compared = { quotas: 0, below: 0, tenants: [] };
  /** What is too low even so, of tenants that Redis knows and of those it does not. */
  const left = { known: 0, unknown: 0 };
  let tenants = 0;
  for (let page = await tenantsAfter(opened, "", only); page.length > 0; ) {
    const found = await compareSome(opened, page);
    tenants += page.length;
    all.quotas += found.quotas;
    all.below += found.below;
    all.tenants.push(...found.tenants);
    if (isRepairing && found.tenants.length > 0) {
      const low = page.filter(({ id }) => found.tenants.includes(id));
      await repair(opened, low);
      for (const tenant of low) {
        const { below } = await compareSome(opened, [tenant]);
        if (below > 0) left[(await isKnown(opened, tenant)) ? "known" : "unknown"] += below;
      }
    } else left.known += found.below;
    progress(`${tenants} tenants, ${all.quotas} quotas, ${all.below} too low`);
    page = await tenantsAfter(opened, page.at(-1)?.id ?? "", only);
  }
  return findingOf(all, tenants, left, isRepairing);
}

function findingOf(
  { quotas, below, tenants: low }: Compared,
  tenants: number,
  left: Readonly<{ known: number; unknown: number }>,
  isRepairing: boolean,
): Finding {
  const named = { part: "quotas", check: "used" };
  const looked = `${quotas} quotas of ${tenants} tenants`;
  if (below === 0) return { ...named, state: "ok", detail: `${looked} are not below what was used` };
  const names = `${low.slice(0, NAMED_TENANTS).join(", ")}${low.length > NAMED_TENANTS ? " …" : ""}`;
  const said = `${below} of ${looked} were too low (${names})`;
  if (!isRepairing) return { ...named, state: "fail", detail: `${said}; raise them with --repair` };
  const raised = `${said}; ${below - left.known - left.unknown} were raised`;
  if (left.known > 0) return { ...named, state: "fail", detail: `${raised}, ${left.known} are still too low` };
  if (left.unknown === 0) return { ...named, state: "ok", detail: raised };
  const detail = `${raised}, ${left.unknown} come back with the first call of their tenant, which Redis knows nothing of`;
  return { ...named, state: "warn", detail };
}

async function compareSome({ counters, pool }: Opened, page: readonly Tenant[]): Promise<Compared> {
  const found: Compared = { quotas: 0, below: 0, tenants: [] };
  const nowMs = counters.nowMs();
  const periods = new Map(page.map(({ id, time_zone }) => [id, periodsAt(time_zone, nowMs)]));
  const asked: AskedPeriod[] = [];
  for (const [tenant, around] of periods) {
    const generation = await generationOf(counters, tenant, around);
    asked.push(...presentPeriods(around, nowMs).map((period) => ({ ...period, tenant, generation })));
  }
  let end: PageEnd | null = null;
  do {
    const read = await reading(pool, async (ask) => await readQuotaSums(ask, asked, end));
    for (const [tenant, sums] of Map.groupBy(read.sums, (sum) => sum.asked.tenant)) {
      const below = await countersBelow(counters, tenant, periods.get(tenant) as Periods, sums);
      found.quotas += sums.length;
      found.below += below;
      if (below > 0 && found.tenants.at(-1) !== tenant) found.tenants.push(tenant);
    }
    end = read.end;
  } while (end !== null);
  return found;
}

/** Those that a look shows for sure: a state may be answered without its previous periods. */
function presentPeriods(periods: Periods, nowMs: number) {
  const labels = [periods.day.current.label, periods.month.current.label];
  return openPeriods(periods, nowMs).filter(({ label }) => labels.includes(label));
}

async function repair({ counters, pool }: Opened, tenants: readonly Tenant[]): Promise<void> {
  const zones = new Map(tenants.map(({ id, time_zone }) => [id, time_zone]));
  const faults: unknown[] = [];
  const restore = createRestore({
    ...{ pool, counters, timeZoneOf: (tenant) => zones.get(tenant) ?? null, generationOf: () => 0 },
    onFault: (fault) => faults.push(fault),
  });
  for (const tenant of zones.keys()) restore.owe(tenant);
  await restore.run();
  if (restore.owed() === 0) return;
  throw faults[0] ?? new CommandFailure(EXIT.unreachable, `Redis is away: ${restore.owed()} tenants are not repaired.`);
}

/** Redis begins to know a tenant with its first call. */
async function isKnown({ counters }: Opened, { id, time_zone }: Tenant): Promise<boolean> {
  const periods = periodsAt(time_zone, counters.nowMs());
  const asked = await counters.raise({ tenant: id, periods, generation: 0, counters: [] });
  return asked.kind !== "other_generation" || asked.generation > 0;
}

async function tenantsAfter({ pool }: Opened, after: string, only: readonly string[] | null): Promise<Tenant[]> {
  const { rows } = await pool.query(
    `select id, time_zone from tenants where deleted_at is null and id > $1 and ($2::text[] is null or id = any($2))
    order by id limit $3`,
    [after, only, TENANTS_AT_ONCE],
  );
  return rows;
}

async function reading<Result>(pool: Opened["pool"], work: (ask: AskRows) => Promise<Result>): Promise<Result> {
  const client = await pool.connect();
  const ask = async (text: string, values: unknown[] = []) => (await client.query(text, values)).rows;
  try {
    await ask("begin read only");
    await prepareToRead(ask);
    const result = await work(ask);
    await ask("commit");
    client.release();
    return result;
  } catch (fault) {
    client.release(true);
    throw fault;
  }
}

const NOBODY = {
  replied: () => undefined,
  unavailable: () => undefined,
  rebased: () => undefined,
  stalled: () => undefined,
  breaker: () => undefined,
  away: () => undefined,
  back: () => undefined,
  looked: () => undefined,
  gaveBack: () => undefined,
};
