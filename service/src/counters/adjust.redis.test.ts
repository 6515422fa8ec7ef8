// What an adjustment leaves in Redis, and what becomes of one whose answer is lost. What it does is in the conformance suite.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startProxy } from "../../test/proxy.ts";
import { type RedisNode, startRedis } from "../../test/redis.ts";
import { describeWithRedis } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { periodsAt } from "../limits/quota-period.ts";
import { ADJUSTMENT_KNOWN_MS, type AdjustOrder, type CounterChange } from "./adjust.ts";
import type { RedisCounters } from "./counters.redis.ts";
import { MONTH_OF_1000, monthUsed, openRedisCounters, orderOf } from "./counters.world.ts";

const DAY_MS = 86_400_000;
const NOON_MS = Date.parse("2026-11-22T12:00:00Z");
/** A test may take this long between a write and a look at the life that is left. */
const SLOWNESS_MS = 60_000;
const GRANT_30 = { kind: "add", window: "month", amount: -30 } as const;

const NEW_GENERATION = `${readFileSync(new URL("state.lua", import.meta.url), "utf8")}
local read_state, pack_state, _, adopt_generation = open_states(FORMAT, HEAD, HEAD_BYTES, OWN_BYTES)
local tenant = read_state(redis.call('GET', KEYS[1]), true)
adopt_generation(tenant, tenant[2] + 1)
redis.call('SET', KEYS[1], pack_state(tenant, true), 'KEEPTTL')`;

function adjustOrder(tenant: string, nowMs: number, change: CounterChange["change"], id = "a"): AdjustOrder {
  return {
    id,
    tenant,
    periods: periodsAt("UTC", nowMs),
    changes: [{ scope: "TENANT", api: null, user: null, change }],
  };
}

describeWithRedis("an adjustment in Redis", () => {
  let redis: RedisNode;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  async function withCounters(story: (counters: RedisCounters) => Promise<void>, clock?: () => number): Promise<void> {
    const options = { deadlineMs: 10_000, ...(clock === undefined ? {} : { clock }) };
    const { counters } = await openRedisCounters([`${redis.host}:${redis.port}`], options);
    await story(counters).finally(() => counters.close());
  }
  const lifeMs = async (key: string) => Number(await redis.command("PTTL", key));
  const keyOf = async (tenant: string, kind: string) =>
    (await redis.keys()).find((key) => key.startsWith(`sl:{${tenant}}:${kind}:`)) ?? "";

  async function expectLife(key: string, expectedMs: number): Promise<void> {
    const leftMs = await lifeMs(key);
    expect(leftMs).toBeLessThanOrEqual(expectedMs);
    expect(leftMs).toBeGreaterThan(expectedMs - SLOWNESS_MS);
  }

  test("every key it writes has a life: its id a day, a charged counter until its period is over", () =>
    withCounters(
      async (counters) => {
        const changes = (["quotaDay", "month"] as const).map((window): CounterChange => {
          return { scope: "TENANT_API", api: `GET /${window}`, user: null, change: { kind: "add", window, amount: 1 } };
        });
        await counters.adjust({ ...adjustOrder("life", NOON_MS, GRANT_30), changes });
        await expectLife(await keyOf("life", "j"), ADJUSTMENT_KNOWN_MS);
        const lives = await Promise.all(
          (await redis.keys()).filter((key) => key.startsWith("sl:{life}:a:")).map((key) => lifeMs(key)),
        );
        const [ofDay = 0, ofMonth = 0] = lives.toSorted((a, b) => a - b);
        expect(Math.abs(ofDay - 2.5 * DAY_MS)).toBeLessThan(SLOWNESS_MS);
        expect(Math.abs(ofMonth - 10.5 * DAY_MS)).toBeLessThan(SLOWNESS_MS);
      },
      () => NOON_MS,
    ));

  test("a charge lengthens the life of a counter that would end before its period, a reset leaves it", () =>
    withCounters(
      async (counters) => {
        await counters.take(orderOf("longer", NOON_MS));
        const key = "sl:{longer}";
        await redis.command("PEXPIRE", key, DAY_MS);
        await counters.adjust(adjustOrder("longer", NOON_MS, { kind: "reset", windows: ["month"] }));
        await redis.command("PEXPIRE", key, DAY_MS);
        await counters.adjust(adjustOrder("longer", NOON_MS, { ...GRANT_30, amount: 30 }, "b"));
        await expectLife(key, 10.5 * DAY_MS);
        await redis.command("PEXPIRE", key, 20 * DAY_MS);
        await counters.adjust(adjustOrder("longer", NOON_MS, { kind: "reset", windows: ["month"] }, "c"));
        await expectLife(key, 20 * DAY_MS);
      },
      () => NOON_MS,
    ));

  test("a cut comes off what this generation took first, a charge goes to the base, and a new generation keeps both", () =>
    withCounters(
      async (counters) => {
        const month = async () => {
          const looked = await counters.take(orderOf("base", NOON_MS, { cost: 0 }));
          return looked.kind === "answered" ? looked.checks[0]?.states[0]?.month.current : undefined;
        };
        await counters.take(orderOf("base", NOON_MS, { cost: 100 }));
        await redis.command("EVAL", NEW_GENERATION, 1, "sl:{base}");
        await counters.take(orderOf("base", NOON_MS, { cost: 40 }));
        expect(await month()).toMatchObject({ base: 100, since: 40 });
        await counters.adjust(adjustOrder("base", NOON_MS, GRANT_30, "a"));
        expect(await month()).toMatchObject({ base: 100, since: 10 });
        await counters.adjust(adjustOrder("base", NOON_MS, GRANT_30, "b"));
        expect(await month()).toMatchObject({ base: 80, since: 0 });
        await counters.take(orderOf("base", NOON_MS, { cost: 5 }));
        await counters.adjust(adjustOrder("base", NOON_MS, { ...GRANT_30, amount: 7 }, "c"));
        expect(await month()).toMatchObject({ base: 87, since: 5 });
        await redis.command("EVAL", NEW_GENERATION, 1, "sl:{base}");
        expect(await month()).toMatchObject({ base: 92, since: 0 });
      },
      () => NOON_MS,
    ));

  test("a counter that a new generation of its tenant has not met yet is cut under its own, and says so", () =>
    withCounters(
      async (counters) => {
        const claims = [{ ...MONTH_OF_1000, scope: "TENANT_API" as const, api: "GET /a" }];
        const taken = await counters.take(orderOf("older", NOON_MS, { claims, cost: 40 }));
        const generation = taken.kind === "answered" ? taken.generation : 0;
        await redis.command("EVAL", NEW_GENERATION, 1, "sl:{older}");
        const changes: CounterChange[] = [{ scope: "TENANT_API", api: "GET /a", user: null, change: GRANT_30 }];
        const cut = await counters.adjust({ ...adjustOrder("older", NOON_MS, GRANT_30), changes });
        expect(generation).toBeGreaterThan(0);
        expect(cut).toMatchObject({ counters: [[{ before: 40, after: 10, offSince: 30, generation }]] });
        await counters.take(orderOf("older", NOON_MS, { claims, cost: 5 }));
        const next = await counters.adjust({ ...adjustOrder("older", NOON_MS, GRANT_30, "b"), changes });
        expect(next).toMatchObject({ counters: [[{ after: 0, offSince: 5, generation: generation + 1 }]] });
      },
      () => NOON_MS,
    ));

  test("a state of an unknown format is not adjusted, and nothing of the order happens", () =>
    withCounters(
      async (counters) => {
        await counters.take(orderOf("newer", NOON_MS, { cost: 9 }));
        const claims = [{ ...MONTH_OF_1000, scope: "TENANT_API" as const, api: "GET /a" }];
        await counters.take(orderOf("newer", NOON_MS, { claims, cost: 9 }));
        await redis.command("SETRANGE", await keyOf("newer", "a"), 0, "\u0002");
        const changes: CounterChange[] = [
          { scope: "TENANT", api: null, user: null, change: GRANT_30 },
          { scope: "TENANT_API", api: "GET /a", user: null, change: GRANT_30 },
        ];
        const order = { ...adjustOrder("newer", NOON_MS, GRANT_30), changes };
        await expect(counters.adjust(order)).rejects.toThrow(/unknown format 2: nothing was adjusted/);
        expect(await monthUsed(counters, "newer")).toBe(9);
        expect(await keyOf("newer", "j")).toBe("");
      },
      () => NOON_MS,
    ));

  test("one whose answer is lost with its connection is asked for again, and happens once", async () => {
    const line = await startProxy(redis.port);
    const { counters } = await openRedisCounters([`127.0.0.1:${line.port}`], { deadlineMs: 10_000 });
    try {
      const nowMs = counters.nowMs();
      await counters.take(orderOf("lost", nowMs, { cost: 100 }));
      line.holdReplies();
      const answer = counters.adjust(adjustOrder("lost", nowMs, GRANT_30));
      await waitFor("it is done in the store", async () => (await keyOf("lost", "j")) !== "");
      line.cut();
      line.releaseReplies();
      expect(await answer).toMatchObject({
        kind: "adjusted",
        replayed: true,
        counters: [[{ window: "month", before: 100, after: 70 }]],
      });
      expect(await monthUsed(counters, "lost")).toBe(70);
    } finally {
      await counters.close();
      await line.close();
    }
  });

  test("scripts that were flushed are loaded again", () =>
    withCounters(async (counters) => {
      await redis.command("SCRIPT", "FLUSH");
      const charge = { ...GRANT_30, amount: 30 };
      expect(await counters.adjust(adjustOrder("flushed", counters.nowMs(), charge))).toMatchObject({
        replayed: false,
      });
    }));

  test("a frozen store makes it unavailable, and it does not happen afterwards; a later attempt does it", () =>
    withCounters(async (counters) => {
      const nowMs = counters.nowMs();
      await counters.take(orderOf("frozen", nowMs, { cost: 100 }));
      redis.freeze();
      try {
        const given = await counters.adjust(adjustOrder("frozen", nowMs, GRANT_30));
        expect(given).toMatchObject({ kind: "unavailable", cause: "deadline" });
        const givenUpMs = performance.now();
        await waitFor("the store thinks it too late", () => performance.now() - givenUpMs > 50);
      } finally {
        redis.thaw();
      }
      expect(await waitFor("a look is answered", async () => [await monthUsed(counters, "frozen")])).toEqual([100]);
      const later = await counters.adjust(adjustOrder("frozen", counters.nowMs(), GRANT_30));
      expect(later).toMatchObject({ kind: "adjusted", replayed: false, counters: [[{ before: 100, after: 70 }]] });
    }));

  test("a store that is away makes it unavailable", async () => {
    const away = await startRedis();
    await away.stop();
    const { counters } = await openRedisCounters([`${away.host}:${away.port}`]);
    try {
      const answer = await counters.adjust(adjustOrder("away", Date.now(), GRANT_30));
      expect(answer).toEqual({ kind: "unavailable", cause: "disconnected" });
    } finally {
      await counters.close();
    }
  });
});
