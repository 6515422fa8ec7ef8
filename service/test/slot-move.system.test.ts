// A busy tenant's slot moves to another master and back while it is asked about, and nobody notices.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { moveSlots } from "../../cli/src/redis/move-slots.redis.ts";
import { crowd, latencyMs, outcomes } from "./load.ts";
import { policy, tenant } from "./policies.ts";
import { describeWith } from "./services.ts";
import { type ClusterStack, SYSTEM_TEST_TIMEOUTS, startClusterStack } from "./stack.ts";
import { usageHeld } from "./usage-held.ts";

const CALLERS = 24;
const JOURNEYS = 6;
/** Beyond what the load asks for, so that a denial is a wrong one; the last calls fill it up exactly. */
const LIMIT = 100_000;
const COST_AT_THE_END = 10_000;

vi.setConfig(SYSTEM_TEST_TIMEOUTS);

describeWith(["redis-server", "postgres"], "a slot that moves under load", () => {
  let stack: ClusterStack;
  beforeEach(async () => {
    stack = await startClusterStack();
  });
  afterEach(async () => await stack.close());

  test("causes no denial, no error, no Fallback answer and no double count", async ({ annotate }) => {
    await stack.put({
      plans: [{ name: "FREE", limits: { quotaPerMonth: LIMIT, perDay: LIMIT } }],
      tenants: [tenant({ id: "busy" })],
      policies: [
        policy({ name: "users", apiPattern: "/**", scope: "TENANT_USER", limits: { quotaPerMonth: LIMIT } }),
        policy({ name: "orders", apiPattern: "/orders/**", scope: "TENANT_API", limits: { perMinute: LIMIT } }),
      ],
    });
    // Wide, so that no stall of this machine is taken for the move's doing: what the move costs is told below.
    const services = await stack.startMany(2, { environment: { SLUICE_CHECK_DEADLINE_MS: "5000" } });
    let asked = 0;
    const ask = (caller: number, cost: number) => {
      const service = services[caller % services.length];
      if (service === undefined) throw new Error("There is no service.");
      // Users come anew all the time: a script that names a key which no node has yet is the hard case of an open slot.
      const userId = `u-${Math.floor(asked++ / 3)}`;
      return { service, check: { tenantId: "busy", userId, apiPath: "/orders/1", httpMethod: "GET", cost } };
    };
    let isMoving = true;
    const asking = crowd(CALLERS, (caller) => (isMoving ? ask(caller, 1) : null));
    const openMs: number[] = [];
    try {
      for (let journey = 0; journey < JOURNEYS; journey += 1) openMs.push(await moveOnce());
    } finally {
      isMoving = false;
    }
    const journal = await asking;
    await annotate(
      `${JSON.stringify(outcomes(journal))}; ${JOURNEYS} moves, open for ${openMs.join(", ")} ms; ` +
        `P50 ${latencyMs(journal, 0.5)}, P99 ${latencyMs(journal, 0.99)}, longest ${latencyMs(journal, 1)} ms`,
    );
    expect(outcomes(journal)).toEqual({ OK: journal.length });
    expect(journal.length).toBeLessThan(LIMIT - COST_AT_THE_END);
    expect(await usageHeld(stack.cluster.nodes.slice(0, 3), "busy")).toBe(journal.length);

    const look = await services[0]?.ask({ ...ask(0, 0).check });
    expect(look?.remaining).toMatchObject({ perDay: LIMIT - journal.length, quotaMonthly: LIMIT - journal.length });
  });

  /** To the next master; how long the slot was open, in milliseconds. */
  async function moveOnce(): Promise<number> {
    const { nodes } = stack.cluster;
    const owner = await stack.cluster.ownerOfKey("{busy}");
    const target = nodes[(nodes.indexOf(owner) + 1) % 3];
    const seeds = { kind: "redis", seeds: nodes, username: null, password: null, tls: null } as const;
    const wish = { to: `127.0.0.1:${target?.port}`, keyTag: "busy", timeoutMs: 5_000 };
    const { moved, failure } = await moveSlots(seeds, wish, () => undefined);
    expect(failure).toBeNull();
    expect(moved[0]?.keys).toBeGreaterThan(0);
    return moved[0]?.openMs ?? Number.NaN;
  }
});
