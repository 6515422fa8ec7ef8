// What was admitted reaches PostgreSQL, whoever dies, and quotas come back from there. Read are the journal of the callers
// and PostgreSQL, never a counter of the service about itself.
import { afterEach, expect, test, vi } from "vitest";
import { type Call, outcomes, type SteadyLoad, steadyLoad } from "./load.ts";
import { policy, tenant } from "./policies.ts";
import { run } from "./postgres.ts";
import type { ServiceProcess } from "./service-process.ts";
import { describeWith } from "./services.ts";
import { type SingleStack, SYSTEM_TEST_TIMEOUTS, startStack } from "./stack.ts";
import { waitFor } from "./wait.ts";

const CHECKS_PER_SECOND = 200;
const INTERVAL_MS = 500;
const ENOUGH = 200;
const OUT_OF_REACH = 1_000_000;
const SMALL_QUOTA = 50;
const RECOVERY_MS = 60_000;

vi.setConfig(SYSTEM_TEST_TIMEOUTS);

describeWith(["redis-server", "postgres"], "usage that nobody loses", () => {
  let stack: SingleStack;
  let load: SteadyLoad;
  afterEach(async () => {
    await load?.stop();
    await stack?.close();
  });

  test("a process is killed under load: recorded is what was acknowledged, and at most what got no answer beside", async ({
    annotate,
  }) => {
    const [first, second] = await begin(2);
    await enough("OK", 0);
    await first?.process.kill();
    const killedMs = performance.now();
    await waitFor("the other one goes on", () => admittedSince(killedMs) >= ENOUGH, RECOVERY_MS);
    const journal = await load.stop();
    await second?.stop();
    const unanswered = journal.filter(({ status }) => status === 0);
    await annotate(`answered ${JSON.stringify(outcomes(journal))}`);
    const third = await stack.start({ environment: ENVIRONMENT });
    const acknowledged = admitted(journal);
    await waitFor("the dead one's tail is written down", async () => (await recorded()) >= acknowledged, RECOVERY_MS);
    expect(await recorded()).toBeLessThanOrEqual(acknowledged + unanswered.length);
    expect(await monthUsed(third)).toBeGreaterThanOrEqual(acknowledged);
  });

  test("processes end in order: every unit is recorded when they are gone", async () => {
    const services = await begin(2);
    await enough("OK", 0);
    const journal = await load.stop();
    await Promise.all(services.map((service) => service.stop()));
    expect(await recorded()).toBe(admitted(journal));
    expect(await ask("select count(*)::int as open from usage_writers where ended is distinct from 'CLOSED'")).toEqual([
      { open: 0 },
    ]);
  });

  test("Redis is killed and comes back empty: what the Fallback admitted is recorded, and in the quota, once", async ({
    annotate,
  }) => {
    const services = await begin(3);
    await enough("OK", 0);
    await stack.redis.kill();
    const killedMs = performance.now();
    await enough("ALLOW_FALLBACK", killedMs);
    await waitFor("the ledger is written down during the outage", async () => (await recorded("FALLBACK")) > 0);
    await stack.redis.restart();
    const backMs = performance.now();
    await enough("OK", backMs);
    const journal = await load.stop();
    await annotate(`answered ${JSON.stringify(outcomes(journal))}`);
    const all = admitted(journal);
    await waitFor("everything is recorded", async () => (await recorded()) === all, RECOVERY_MS);
    await waitFor("the quota knows it all", async () => (await monthUsed(services[0])) >= all, RECOVERY_MS);
    // Three processes compare again and again: nothing is added twice.
    for (const service of services) expect(await monthUsed(service)).toBe(all);
  });

  test("everything in Redis is deleted: a monthly limit that was reached stays reached, per user, too", async () => {
    const [service] = await begin(3);
    const exhausted = { tenantId: "small", userId: "kim", apiPath: "/orders/1", httpMethod: "GET" };
    for (let asked = 0; asked < SMALL_QUOTA; asked += 1) await service?.ask(exhausted);
    expect(await service?.ask(exhausted)).toMatchObject({ reason: "QUOTA_EXCEEDED" });
    await waitFor("it is written down", async () => (await recorded("STORE", "small")) === SMALL_QUOTA, RECOVERY_MS);
    await stack.redis.command("FLUSHALL");
    // The first check after it finds nothing, and makes the loss known.
    await waitFor(
      "the quota is back",
      async () => (await service?.ask(exhausted))?.reason === "QUOTA_EXCEEDED",
      RECOVERY_MS,
    );
    const other = { ...exhausted, userId: "lee" };
    expect(await service?.ask(other), "another user's is untouched").toMatchObject({ reason: "OK" });
  });

  const ENVIRONMENT = {
    SLUICE_FALLBACK: "ALLOW_ALL",
    SLUICE_SNAPSHOT_INTERVAL_MS: String(INTERVAL_MS),
    // On a busy machine the Fallback stays out unless it is meant: its ledger of an interval dies with its process.
    SLUICE_CHECK_DEADLINE_MS: "1000",
  };

  async function begin(count: number): Promise<readonly ServiceProcess[]> {
    stack = await startStack();
    await stack.put({
      plans: [{ name: "FREE", limits: { quotaPerMonth: OUT_OF_REACH } }],
      tenants: [tenant({ id: "acme" }), tenant({ id: "small" })],
      policies: [
        policy({
          name: "small",
          target: { kind: "TENANT", tenant: "small" },
          apiPattern: "/orders/**",
          scope: "TENANT_USER_API",
          limits: { quotaPerMonth: SMALL_QUOTA },
        }),
      ],
    });
    const services = await stack.startMany(count, { environment: ENVIRONMENT });
    load = steadyLoad(CHECKS_PER_SECOND, (number) => {
      const alive = services.filter(({ process }) => process.isRunning());
      const service = alive[number % alive.length];
      if (service === undefined) throw new Error("There is no service.");
      return { service, check: { tenantId: "acme", userId: `u-${number % 5}`, apiPath: "/orders", httpMethod: "GET" } };
    });
    return services;
  }

  function admittedSince(sinceMs: number): number {
    return admitted(load.journal.filter(({ sentMs }) => sentMs > sinceMs));
  }

  async function enough(reason: string, sinceMs: number) {
    const got = () =>
      load.journal.filter(({ sentMs, decision }) => sentMs > sinceMs && decision?.reason === reason).length;
    await waitFor(`${ENOUGH} answers ${reason}`, () => got() >= ENOUGH, RECOVERY_MS);
  }

  async function recorded(source = "", tenantId = "acme"): Promise<number> {
    const [sum] = await ask(
      `select coalesce(sum(total - retracted), 0)::int as cost from usage_rows
       where tenant_id = '${tenantId}' and source like '${source}%'`,
    );
    return Number(sum?.cost);
  }

  function ask(text: string) {
    return run(stack.databaseUrl, text);
  }

  /** Of the tenant's counter, by a look. */
  async function monthUsed(service: ServiceProcess | undefined): Promise<number> {
    const [used] = await waitFor("a look is answered by the counters", async () => {
      const look = await service?.ask({ tenantId: "acme", apiPath: "/orders", httpMethod: "GET", cost: 0 });
      const remaining = look?.remaining.quotaMonthly ?? null;
      return remaining === null ? null : [OUT_OF_REACH - remaining];
    });
    return used ?? Number.NaN;
  }
});

function admitted(journal: readonly Call[]): number {
  return journal.filter(({ decision }) => decision?.allowed === true).length;
}
