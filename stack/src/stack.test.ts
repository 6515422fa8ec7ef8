// The stack as the fault lab uses it, and what its balancer promises: a check that carries a requestId survives the end of
// any instance and is counted once; one that does not is asked once.
import { randomUUID } from "node:crypto";
import type { CheckRequest, Decision } from "@sluice/contract";
import { CHECK_PATH } from "@sluice/service/check/check.http.ts";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Caller, createCaller, type Reply } from "../../service/test/caller.ts";
import { tenant } from "../../service/test/policies.ts";
import { describeWith } from "../../service/test/services.ts";
import { SYSTEM_TEST_TIMEOUTS } from "../../service/test/stack.ts";
import { waitFor } from "../../service/test/wait.ts";
import type { RedisServer } from "./redis-stack.ts";
import { type RunningStack, startStack } from "./stack.ts";

const LIMIT = 1_000_000;
const AT_ONCE = 24;
const LASTING = 300;

vi.setConfig(SYSTEM_TEST_TIMEOUTS);

describeWith(["redis-server", "postgres", "haproxy"], "a stack without TLS", () => {
  let stack: RunningStack;
  let balancer: Caller;
  beforeAll(async () => {
    // Wide, so that no stall of this machine makes a Fallback answer, which would be counted elsewhere.
    stack = await startStack({ environment: { SLUICE_CHECK_DEADLINE_MS: "5000" } });
    balancer = createCaller(Number(new URL(stack.balancer.url).port));
    const tenants = ["plain", "killed", "frozen", "once"].map((id) => tenant({ id }));
    await stack.inForce(await stack.put({ plans: [{ name: "FREE", limits: { quotaPerMonth: LIMIT } }], tenants }));
  });
  afterAll(async () => {
    balancer.close();
    await stack.close();
  });

  test("every node of Redis keeps what it counts as the template says", async () => {
    const wanted = {
      appendonly: "yes",
      appendfsync: "everysec",
      save: "604800 1",
      "maxmemory-policy": "noeviction",
      "cluster-require-full-coverage": "no",
      "cluster-node-timeout": "1500",
      "cluster-replica-validity-factor": "0",
    };
    for (const node of stack.redis.nodes) {
      const settings = (await node.command("CONFIG", "GET", ...Object.keys(wanted))) as string[];
      const pairs = Array.from({ length: settings.length / 2 }, (_, index) => settings.slice(2 * index, 2 * index + 2));
      expect(Object.fromEntries(pairs)).toEqual(wanted);
    }
  });

  test("answers through the balancer from every instance, and counts in one place", async () => {
    for (let asked = 1; asked <= 6; asked++) {
      const decision = decisionOf(await ask({ tenantId: "plain" }));
      expect(decision).toMatchObject({ reason: "OK", remaining: { quotaMonthly: LIMIT - asked } });
    }
    const perInstance = await Promise.all(stack.instances.map(async ({ metrics }) => allowedIn(await metrics())));
    expect(perInstance.filter((count) => count > 0)).toHaveLength(stack.instances.length);
  });

  test("a killed instance loses no check that carries a requestId, none is counted twice, and it comes back", async () => {
    const [victim] = stack.instances;
    let asked = 0;
    const replies: Reply[] = [];
    const caller = async () => {
      while (asked < LASTING) {
        asked += 1;
        if (asked === LASTING / 3) await victim?.kill();
        replies.push(await ask({ tenantId: "killed", requestId: randomUUID() }));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, caller));
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
    expect(replies.map(decisionOf).filter(({ reason }) => reason !== "OK")).toEqual([]);
    expect(await counted("killed")).toBe(replies.length);

    const pid = victim?.pid();
    await victim?.start();
    expect(victim?.pid()).not.toBe(pid);
    await allUp();
  });

  test("what waits at a frozen instance is asked elsewhere with a requestId, and still counted once", async () => {
    const [, victim] = stack.instances;
    victim?.freeze();
    const replies = await atOnce(() => ask({ tenantId: "frozen", requestId: randomUUID() }));
    victim?.thaw();
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
    await allUp();
    expect(await counted("frozen")).toBe(replies.length);
  });

  test("what waits at a frozen instance without a requestId is asked there alone", async () => {
    const [, , victim] = stack.instances;
    victim?.freeze();
    const replies = await atOnce(() => ask({ tenantId: "once" }));
    victim?.thaw();
    await allUp();
    const acknowledged = replies.filter(({ status }) => status === 200).length;
    expect(acknowledged).toBeGreaterThan(0);
    expect(acknowledged).toBeLessThan(replies.length);
    const total = await counted("once");
    expect(total).toBeGreaterThanOrEqual(acknowledged);
    expect(total).toBeLessThanOrEqual(replies.length);
  });

  test("what was counted is in the append-only files of all nodes: killed and started again they have it", async () => {
    const counters = async () => {
      const tenants = ["plain", "killed", "frozen", "once"];
      return await Promise.all(
        tenants.map(async (id) => String(await (await stack.redis.masterOf(id)).command("GET", `sl:{${id}}`))),
      );
    };
    // What an instance that was frozen has still to settle would change them.
    await Promise.all(stack.instances.map(({ terminate }) => terminate()));
    // While one is being synchronised, the server keeps what it writes to its file back.
    const isWritten = async ({ command }: RedisServer) =>
      /^aof_buffer_length:0\r?$/m.test(String(await command("INFO", "persistence")));
    await Promise.all(stack.redis.nodes.map((node) => waitFor("its file has it all", () => isWritten(node))));
    const before = await counters();
    await Promise.all(stack.redis.nodes.map((node) => node.kill()));
    await Promise.all(stack.redis.nodes.map((node) => node.start()));
    await stack.redis.settled();
    expect(before).not.toContain("null");
    expect(await counters()).toEqual(before);
  });

  const ask = (check: Pick<CheckRequest, "tenantId"> & Partial<CheckRequest>) =>
    balancer.post(CHECK_PATH, { apiPath: "/orders", httpMethod: "GET", ...check });
  const atOnce = (one: () => Promise<Reply>) => Promise.all(Array.from({ length: AT_ONCE }, one));
  const counted = async (tenantId: string) =>
    LIMIT - (decisionOf(await ask({ tenantId, cost: 0 })).remaining.quotaMonthly ?? 0);
  const allUp = () =>
    waitFor("all instances are up", async () => (await stack.balancer.instancesUp()) === stack.instances.length);
});

function decisionOf({ text }: Reply): Decision {
  return JSON.parse(text) as Decision;
}

/** How many checks an instance has allowed. */
function allowedIn(metrics: string): number {
  const lines = metrics.split("\n").filter((line) => line.startsWith('sluice_decisions_total{reason="OK"'));
  return lines.reduce((sum, line) => sum + Number(line.split(" ")[1]), 0);
}
