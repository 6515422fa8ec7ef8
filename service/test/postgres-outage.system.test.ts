// PostgreSQL killed under load: nothing of it is seen in the answers; back again, changes arrive as before.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { latencyMs, outcomes, type SteadyLoad, steadyLoad } from "./load.ts";
import { tenant } from "./policies.ts";
import { describeWith } from "./services.ts";
import { type SingleStack, SYSTEM_TEST_TIMEOUTS, startStack } from "./stack.ts";
import { waitFor } from "./wait.ts";

const CHECKS_PER_SECOND = 150;
const OUT_OF_REACH = 1_000_000;
const ENOUGH = 300;

vi.setConfig(SYSTEM_TEST_TIMEOUTS);

describeWith(["redis-server", "postgres"], "a PostgreSQL that goes away under load", () => {
  let stack: SingleStack;
  let load: SteadyLoad;
  beforeEach(async () => {
    stack = await startStack();
  });
  afterEach(async () => {
    await load?.stop();
    await stack.close();
  });

  test("is not seen in any answer; its policies stay in force, and when it is back the next change arrives", async ({
    annotate,
  }) => {
    const first = await stack.put({
      plans: [{ name: "FREE", limits: { quotaPerMonth: OUT_OF_REACH } }],
      tenants: [tenant({ id: "acme" })],
    });
    // Wide, so that what a busy machine does to the counters is not taken for PostgreSQL's doing.
    const services = await stack.startMany(2, { environment: { SLUICE_CHECK_DEADLINE_MS: "5000" } });
    load = steadyLoad(CHECKS_PER_SECOND, (number) => {
      const service = services[number % services.length];
      if (service === undefined) throw new Error("There is no service.");
      return { service, check: { tenantId: "acme", apiPath: "/orders", httpMethod: "GET" } };
    });
    await enough(0);
    const killedMs = performance.now();
    await stack.postgres.kill();
    await enough(killedMs);
    const restartedMs = performance.now();
    await stack.postgres.restart();
    const second = await stack.put({ plans: [{ name: "FREE", limits: { quotaPerMonth: OUT_OF_REACH / 2 } }] });
    const changedMs = performance.now();
    await stack.inForce(second);
    await annotate(`a change was in force ${Math.round(performance.now() - changedMs)} ms after its commit`);
    await enough(performance.now());
    const journal = await load.stop();

    const away = journal.filter(({ sentMs }) => sentMs > killedMs && sentMs < restartedMs);
    await annotate(
      `with PostgreSQL P99 ${latencyMs(
        journal.filter(({ sentMs }) => sentMs < killedMs),
        0.99,
      )} ms, ` + `without P99 ${latencyMs(away, 0.99)} ms`,
    );
    expect(outcomes(journal)).toEqual({ OK: journal.length });
    expect(new Set(away.map(({ decision }) => decision?.policyVersion))).toEqual(new Set([first]));
    const [last] = journal.slice(-1);
    expect(last?.decision?.policyVersion).toBe(second);
    const look = await services[0]?.ask({ tenantId: "acme", apiPath: "/orders", httpMethod: "GET", cost: 0 });
    expect(look?.remaining.quotaMonthly).toBe(OUT_OF_REACH / 2 - journal.length);
  });

  async function enough(sinceMs: number) {
    const got = () => load.journal.filter(({ sentMs }) => sentMs > sinceMs).length;
    await waitFor(`${ENOUGH} answers`, () => got() >= ENOUGH, 20_000);
  }
});
