// A service that starts where neither Redis nor PostgreSQL is: it answers, and becomes exact when they come.
import { existsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { crowd, outcomes } from "./load.ts";
import { tenant } from "./policies.ts";
import type { ServiceProcess } from "./service-process.ts";
import { describeWith } from "./services.ts";
import { type SingleStack, SYSTEM_TEST_TIMEOUTS, startStack } from "./stack.ts";
import { waitFor } from "./wait.ts";

const LIMIT = 25;
const COMING_MS = 20_000;
/** Wide, so that after the stores have come no stall of a busy machine makes a Fallback answer. */
const environment = { SLUICE_CHECK_DEADLINE_MS: "5000" };
const check = { tenantId: "acme", apiPath: "/orders", httpMethod: "GET" };

vi.setConfig(SYSTEM_TEST_TIMEOUTS);

describeWith(["redis-server", "postgres"], "a start without Redis and without PostgreSQL", () => {
  let stack: SingleStack;
  beforeEach(async () => {
    stack = await startStack();
    await stack.put({
      plans: [{ name: "FREE", limits: { quotaPerMonth: LIMIT } }],
      tenants: [tenant({ id: "acme" })],
    });
  });
  afterEach(async () => await stack.close());

  test("answers every tenant by the Fallback while no policy is known, and exactly when both have come", async () => {
    await bothGo();
    const service = await stack.start({ environment });
    expect((await service.operations("/readyz")).status).toBe(200);
    const asked = await Promise.all(Array.from({ length: 40 }, () => service.ask(check)));
    for (const decision of asked) {
      expect(decision).toMatchObject({ allowed: true, reason: "ALLOW_FALLBACK", status: 200, policyVersion: 0 });
      expect(decision.notes).toEqual(["policy_unknown"]);
    }
    await bothCome(service);
    await expectExact(service);
  });

  test("knows its tenants from the snapshot file, is let down by the counters only, and is exact when both have come", async ({
    annotate,
  }) => {
    const dataDir = await mkdtemp(join(stack.folder, "kept-"));
    const before = await stack.start({ environment, dataDir });
    await waitFor("the snapshot file is written", () => existsSync(join(dataDir, "policies.snapshot")));
    await before.stop();
    await bothGo();

    const startedMs = performance.now();
    const service = await stack.start({ environment, dataDir });
    await annotate(`ready after ${Math.round(performance.now() - startedMs)} ms without its stores`);
    const decision = await service.ask(check);
    expect(decision).toMatchObject({ reason: "ALLOW_FALLBACK", notes: [] });
    expect(decision.policyVersion).toBeGreaterThan(0);
    expect(decision.resetAt.month).not.toBeNull();
    // Whether there is such a tenant only PostgreSQL could say.
    expect(await service.ask({ ...check, tenantId: "other" })).toMatchObject({
      reason: "ALLOW_FALLBACK",
      notes: ["policy_unknown"],
    });
    await bothCome(service);
    await expectExact(service);
  });

  test("is not held up or ended by a Redis that takes connections and says nothing", async ({ annotate }) => {
    stack.redis.freeze();
    const startedMs = performance.now();
    const service = await stack.start({ environment: { SLUICE_CHECK_DEADLINE_MS: "50" } });
    await annotate(`ready after ${Math.round(performance.now() - startedMs)} ms with a frozen Redis`);
    expect(await service.ask(check)).toMatchObject({ reason: "ALLOW_FALLBACK", notes: [] });
    stack.redis.thaw();
    await waitFor(
      "a look is answered",
      async () => (await service.ask({ ...check, cost: 0 })).reason === "OK",
      COMING_MS,
    );
  });

  async function bothGo() {
    await Promise.all([stack.redis.kill(), stack.postgres.kill()]);
  }

  async function bothCome(service: ServiceProcess) {
    await Promise.all([stack.redis.restart(), stack.postgres.restart()]);
    const counted = async () => (await service.ask({ ...check, cost: 0 })).reason === "OK";
    await waitFor("a look is answered by the counters", counted, COMING_MS);
    // An unknown tenant is one only when PostgreSQL has confirmed the policies.
    const confirmed = async () => (await service.ask({ ...check, tenantId: "other" })).reason === "TENANT_NOT_FOUND";
    await waitFor("the policies are confirmed", confirmed, COMING_MS);
    // For a second after its breaker has closed, a part of the calls is still answered without the node.
    await waitFor("no call is held back any more", async () => {
      const looks = await Promise.all(Array.from({ length: 20 }, () => service.ask({ ...check, cost: 0 })));
      return looks.every(({ reason }) => reason === "OK");
    });
  }

  async function expectExact(service: ServiceProcess) {
    let left = LIMIT + 15;
    const journal = await crowd(10, () => (left-- > 0 ? { service, check } : null));
    expect(outcomes(journal)).toEqual({ OK: LIMIT, QUOTA_EXCEEDED: 15 });
  }
});
