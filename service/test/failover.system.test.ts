// A master of the Cluster is killed: its shard is answered for by the Fallback until its replica is promoted, then exactly
// again; the other shards never notice.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { slotOf } from "../src/counters/topology.ts";
import { type Call, costWith, crowd, latencyMs, outcomes, type SteadyLoad, steadyLoad } from "./load.ts";
import { tenant } from "./policies.ts";
import { describeWith } from "./services.ts";
import { type ClusterStack, SYSTEM_TEST_TIMEOUTS, startClusterStack } from "./stack.ts";
import { waitFor } from "./wait.ts";

const CHECKS_PER_SECOND = 150;
const OUT_OF_REACH = 1_000_000;
const ENOUGH = 60;
const PROMOTION_MS = 30_000;
const SLOTS_PER_MASTER = 16_384 / 3;

/** One tenant on each of the three masters, the first on the one that is killed. */
const TENANTS = [0, 1, 2].map((master) => {
  const ids = Array.from({ length: 100 }, (_, number) => `t${number}`);
  return ids.find((id) => Math.floor(slotOf(id) / SLOTS_PER_MASTER) === master) ?? "";
});
const [STRUCK = "", ...SPARED] = TENANTS;

vi.setConfig(SYSTEM_TEST_TIMEOUTS);

describeWith(["redis-server", "postgres"], "a Redis Cluster that loses a master under load", () => {
  let stack: ClusterStack;
  let load: SteadyLoad;
  beforeEach(async () => {
    stack = await startClusterStack();
  });
  afterEach(async () => {
    await load?.stop();
    await stack.close();
  });

  test("answers that shard by the Fallback until the promotion and the others by counting, then all exactly", async ({
    annotate,
  }) => {
    await stack.put({
      plans: [{ name: "FREE", limits: { quotaPerMonth: OUT_OF_REACH } }],
      tenants: TENANTS.map((id) => tenant({ id })),
    });
    // Wide, so that no stall of this machine makes a Fallback answer; a killed node is known by its closed connections.
    const services = await stack.startMany(2, { environment: { SLUICE_CHECK_DEADLINE_MS: "5000" } });
    const ask = (number: number, tenantId: string | undefined) => {
      const service = services[number % services.length];
      if (service === undefined || tenantId === undefined) throw new Error("There is no such service or tenant.");
      return { service, check: { tenantId, apiPath: "/orders", httpMethod: "GET" } };
    };
    load = steadyLoad(CHECKS_PER_SECOND, (number) => ask(number, TENANTS[Math.floor(number / 2) % TENANTS.length]));
    await enough("OK", 0);
    const tells = (line: string) =>
      waitFor(line, async () => (await services[0]?.metrics())?.includes(`\nsluice_store_${line}\n`));
    await tells("masters_without_replica 0");
    const killedMs = performance.now();
    await stack.cluster.nodes[0]?.kill();
    await enough("ALLOW_FALLBACK", killedMs);
    await tells("slots_without_owner 5462");
    const replica = stack.cluster.nodes[3];
    await waitFor(
      "the promotion",
      async () => String(await replica?.command("ROLE")).startsWith("master"),
      PROMOTION_MS,
    );
    const promotedMs = performance.now();
    await tells("slots_without_owner 0");
    await tells("masters_without_replica 1");
    await enough("OK", promotedMs);
    const journal = await load.stop();

    const struck = journal.filter(({ check }) => check.tenantId === STRUCK);
    const spared = journal.filter(({ check }) => check.tenantId !== STRUCK);
    await annotate(
      `promoted after ${Math.round(promotedMs - killedMs)} ms; its shard: ${told(struck)}, first OK ` +
        `${Math.round(firstOk(struck, promotedMs) - promotedMs)} ms later; the others: ${told(spared)}`,
    );
    expect(outcomes(spared)).toEqual({ OK: spared.length });
    expect(Object.keys(outcomes(struck)).sort()).toEqual(["ALLOW_FALLBACK", "OK"]);
    const whileAway = struck.filter(({ sentMs }) => sentMs > killedMs && sentMs < promotedMs - 1_000);
    expect(costWith(whileAway, "OK")).toBe(0);

    for (const id of SPARED) {
      expect(await monthUsed(id)).toBe(spared.filter(({ check }) => check.tenantId === id).length);
    }
    // Replication is not waited for, so the promoted node may lack the last takes; from here on it counts each one.
    const before = await monthUsed(STRUCK);
    expect(before).toBeLessThanOrEqual(struck.length);
    let left = 50;
    const after = await crowd(10, (caller) => (left-- > 0 ? ask(caller, STRUCK) : null));
    expect(outcomes(after)).toEqual({ OK: 50 });
    expect(await monthUsed(STRUCK)).toBe(before + 50);

    async function monthUsed(tenantId: string): Promise<number> {
      const { service, check } = ask(0, tenantId);
      const { remaining } = await service.ask({ ...check, cost: 0 });
      return OUT_OF_REACH - (remaining.quotaMonthly ?? Number.NaN);
    }
  });

  /** Of the shard that is struck, asked for after `sinceMs`. */
  async function enough(reason: string, sinceMs: number) {
    const got = () => load.journal.filter((call) => isOf(call, reason) && call.sentMs > sinceMs).length;
    await waitFor(`${ENOUGH} answers ${reason}`, () => got() >= ENOUGH, PROMOTION_MS);
  }
});

function isOf({ check, decision }: Call, reason: string): boolean {
  return check.tenantId === STRUCK && decision?.reason === reason;
}

function firstOk(calls: readonly Call[], sinceMs: number): number {
  return calls.find(({ sentMs, decision }) => sentMs > sinceMs && decision?.reason === "OK")?.sentMs ?? Number.NaN;
}

function told(calls: readonly Call[]): string {
  return `${JSON.stringify(outcomes(calls))} P99 ${latencyMs(calls, 0.99)} ms`;
}
