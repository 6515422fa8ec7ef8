// What the Redis counters do when a real server is killed, frozen, flushed, full or slow to answer.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeCertificates } from "../../test/certificates.ts";
import { startProxy } from "../../test/proxy.ts";
import { type RedisNode, startRedis } from "../../test/redis.ts";
import { describeWithRedis } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import type { RedisCounters } from "./counters.redis.ts";
import { monthUsed, openRedisCounters, orderOf } from "./counters.world.ts";
import type { RedisAccess } from "./node.redis.ts";

describeWithRedis("a Redis that fails", () => {
  let redis: RedisNode;
  const open: { close(): Promise<void> }[] = [];
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    for (const part of open.splice(0)) await part.close();
    await redis.stop();
  });

  /** A deadline that a busy machine does not reach by itself, unless a test wants it reached. */
  async function opened(port = redis.port, deadlineMs = 2_000) {
    const world = await openRedisCounters([`127.0.0.1:${port}`], { deadlineMs });
    open.push(world.counters);
    return world;
  }

  const take = (counters: RedisCounters, cost = 1) => counters.take(orderOf("acme", counters.nowMs(), { cost }));

  test("frozen, it is answered for at the deadline, then at once; thawed, it counts exactly and nothing from between", async () => {
    const { counters, observed } = await opened(redis.port, 100);
    expect(await take(counters, 3)).toMatchObject({ kind: "answered" });
    redis.freeze();
    const late = await Promise.all(Array.from({ length: 8 }, () => take(counters)));
    for (const taken of late) {
      expect(taken).toMatchObject({ kind: "unavailable", cause: "deadline" });
      if (taken.kind === "unavailable") taken.settle([false], () => expect.unreachable("nothing ran"));
    }
    await waitFor("the breaker opens", async () => {
      const taken = await take(counters);
      if (taken.kind === "unavailable") taken.settle([false], () => expect.unreachable("nothing ran"));
      return observed.breaker.at(-1)?.[1] === true;
    });
    expect(await take(counters)).toMatchObject({ kind: "unavailable", cause: "disconnected" });

    redis.thaw();
    await waitFor("the breaker closes", () => counters.health().healthy);
    expect(await waitFor("traffic is back", async () => [await monthUsed(counters, "acme")])).toEqual([3]);
  });

  test("that pauses is in no breaker's way: what it replies too late says that it is back", async () => {
    const { counters, observed } = await opened(redis.port, 50);
    expect(await take(counters, 3)).toMatchObject({ kind: "answered" });
    redis.freeze();
    const late = await Promise.all(Array.from({ length: 8 }, () => take(counters)));
    expect(late.map(({ kind }) => kind)).toEqual(new Array(8).fill("unavailable"));
    for (const taken of late) if (taken.kind === "unavailable") taken.settle([false], () => undefined);
    redis.thaw();
    await waitFor("it counts again", async () => (await take(counters, 0)).kind === "answered");
    expect(observed.breaker).toEqual([]);
    await waitFor("nothing that was refused stays counted", async () => (await monthUsed(counters, "acme")) === 3);
  });

  /** Opens a store that cannot be connected to, and returns what was told of it. */
  async function toldOf(port: number, access: RedisAccess) {
    const { counters, observed } = await openRedisCounters([`127.0.0.1:${port}`], { access });
    open.push(counters);
    await waitFor("the reason is told", () => observed.told.length > 0);
    expect(await take(counters)).toMatchObject({ kind: "unavailable" });
    return observed.told;
  }

  test("that knows another password, speaks no TLS, or is not vouched for is away for a reason that is told once", async ({
    onTestFinished,
  }) => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-certificates-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const certificates = await makeCertificates(folder);
    const secured = await startRedis({ tls: certificates });
    onTestFinished(() => secured.stop());
    const [cert, key, ca] = await Promise.all(
      [certificates.clientCertFile, certificates.clientKeyFile, certificates.caFile].map((file) => readFile(file)),
    );
    await redis.command("CONFIG", "SET", "requirepass", "other");

    expect(await toldOf(redis.port, { tls: null, password: "wrong" })).toEqual([
      expect.stringContaining("away: WRONGPASS"),
    ]);
    expect(await toldOf(redis.port, { tls: { secureContext: createSecureContext() } })).toEqual([
      expect.stringContaining("away: no answer within 1000 ms"),
    ]);
    expect(await toldOf(secured.port, { tls: { secureContext: createSecureContext({ cert, key }) } })).toEqual([
      expect.stringMatching(/away: .*(?:self-signed|unable to verify)/),
    ]);
    const tls = { secureContext: createSecureContext({ cert, key, ca }) };
    const vouched = await openRedisCounters([`127.0.0.1:${secured.port}`], { access: { tls }, deadlineMs: 2_000 });
    open.push(vouched.counters);
    expect(await take(vouched.counters)).toMatchObject({ kind: "answered" });
    expect(vouched.observed.told).toEqual([]);
  });

  test("that refuses us is asked once a second, whoever looks for it: each time costs both sides a handshake", async ({
    onTestFinished,
  }) => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-certificates-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const secured = await startRedis({ tls: await makeCertificates(folder) });
    onTestFinished(() => secured.stop());
    await redis.command("CONFIG", "SET", "requirepass", "other");
    const refusing = [
      [redis, { tls: null, password: "wrong" }],
      [secured, { tls: { secureContext: createSecureContext() } }],
    ] as const;
    for (const [server, access] of refusing) {
      const proxy = await startProxy(server.port);
      onTestFinished(() => proxy.close());
      await toldOf(proxy.port, access);
      const [before, sinceMs] = [proxy.connections(), performance.now()];
      await waitFor("it is asked twice more", () => proxy.connections() >= before + 2);
      expect(performance.now() - sinceMs).toBeGreaterThan(900);
    }
  });

  test("killed and restarted without its data, it starts a new generation from zero", async () => {
    const { counters, observed } = await opened();
    await take(counters, 3);
    expect(observed.told).toEqual([]);
    await redis.kill();
    await waitFor("the kill is noticed", async () => (await take(counters)).kind === "unavailable");
    const node = `127.0.0.1:${redis.port}`;
    await waitFor("the reason is told", () => observed.told.length > 0);
    await redis.restart();
    await waitFor("it is found again", () => counters.health().healthy);
    expect(await waitFor("traffic is back", async () => [await monthUsed(counters, "acme")])).toEqual([0]);
    expect(observed.told).toEqual([`${node} away: connect ECONNREFUSED ${node}`, `${node} back`]);
  });

  test("restarted with its data, it turns what was counted into the base of a new generation", async () => {
    await redis.stop();
    redis = await startRedis({ appendOnly: true, args: ["--appendfsync", "always"] });
    const { counters } = await opened();
    await take(counters, 3);
    // A restart within the same second has the same start second: the token must grow for a new generation.
    const startedAt = Math.floor(Date.now() / 1_000);
    await waitFor("the second is over", () => Math.floor(Date.now() / 1_000) > startedAt);
    await redis.restart();
    await waitFor("traffic is back", async () => (await take(counters, 0)).kind === "answered");
    const taken = await waitFor("a take is counted", async () => {
      const next = await take(counters, 2);
      return next.kind === "answered" ? next : null;
    });
    expect(taken).toMatchObject({ checks: [{ states: [{ month: { current: { base: 3, since: 2 } } }] }] });
  });

  test("whose scripts were flushed is loaded again and counts on, once", async () => {
    const { counters, observed } = await opened();
    await take(counters);
    await redis.command("SCRIPT", "FLUSH");
    const taken = await Promise.all(Array.from({ length: 20 }, () => take(counters)));
    expect(taken.map(({ kind }) => kind)).toEqual(new Array(20).fill("answered"));
    expect(await monthUsed(counters, "acme")).toBe(21);
    expect(observed.unavailable).toEqual([]);
  });

  test("that is full says so without a breaker and without half a take", async () => {
    const { counters, observed } = await opened();
    await take(counters);
    await redis.command("CONFIG", "SET", "maxmemory", "1");
    expect(await take(counters)).toMatchObject({ kind: "unavailable", cause: "out_of_memory" });
    expect(observed.breaker).toEqual([]);
    await redis.command("CONFIG", "SET", "maxmemory", "0");
    expect(await monthUsed(counters, "acme")).toBe(1);
  });

  test("with a state of an unknown format takes nothing and leaves it as it is", async () => {
    const { counters } = await opened();
    await redis.command("SET", "sl:{acme}", "\u0009from-the-future");
    expect(await take(counters)).toMatchObject({ kind: "unavailable", cause: "store_error" });
    expect(await redis.command("GET", "sl:{acme}")).toBe("\u0009from-the-future");
    expect(await redis.keys()).toEqual(["sl:{acme}"]);
  });

  test("with a key of another type fails the take and writes nothing", async () => {
    const { counters } = await opened();
    await redis.command("LPUSH", "sl:{acme}", "x");
    expect(await take(counters)).toMatchObject({ kind: "unavailable", cause: "store_error" });
    expect(await redis.keys()).toEqual(["sl:{acme}"]);
  });

  test("that answers late: what was charged elsewhere stays counted, what was refused is given back", async () => {
    const proxy = await startProxy(redis.port);
    open.push(proxy);
    const { counters, observed } = await opened(proxy.port, 1_000);
    await take(counters, 10);
    proxy.holdReplies();
    const [charged, refused] = await Promise.all([take(counters, 5), take(counters, 7)]);
    const settled: [number, boolean][] = [];
    if (charged?.kind === "unavailable") charged.settle([true], (...known) => settled.push(known));
    if (refused?.kind === "unavailable") refused.settle([false], () => expect.unreachable("it was not charged"));
    proxy.releaseReplies();
    await waitFor("the refused take is given back", () => observed.gaveBack.length === 1);
    expect(observed.gaveBack).toEqual(["given_back"]);
    expect(settled).toEqual([[0, true]]);
    expect(await monthUsed(counters, "acme")).toBe(15);
    expect(await usageHeld()).toBe(15);
  });

  test("that answers late what it has lost since: another generation has nothing of it to give back", async () => {
    const proxy = await startProxy(redis.port);
    open.push(proxy);
    const { counters, observed } = await opened(proxy.port, 1_000);
    const { counters: others } = await opened();
    proxy.holdReplies();
    const refused = await take(counters, 7);
    if (refused.kind === "unavailable") refused.settle([false], () => expect.unreachable("it was not charged"));
    await redis.command("FLUSHALL");
    await waitFor("the next generation begins", async () => (await take(others, 5)).kind === "answered");
    proxy.releaseReplies();
    await waitFor("the refused take is given back", () => observed.gaveBack.length === 1);
    expect(await monthUsed(others, "acme")).toBe(5);
  });

  test("that answers late to a request id it knows: the charge elsewhere is taken back, for it is counted already", async () => {
    const proxy = await startProxy(redis.port);
    open.push(proxy);
    const { counters } = await opened(proxy.port, 1_000);
    const again = () => counters.take(orderOf("acme", counters.nowMs(), { cost: 5, requestId: "r-1" }));
    expect(await again()).toMatchObject({ kind: "answered" });
    proxy.holdReplies();
    const charged = await again();
    const settled: [number, boolean][] = [];
    if (charged.kind === "unavailable") charged.settle([true], (...known) => settled.push(known));
    proxy.releaseReplies();
    await waitFor("it is settled", () => settled.length === 1);
    expect(settled).toEqual([[0, true]]);
    expect(await usageHeld()).toBe(5);
  });

  test("that ran a take whose answer was lost with the connection: the surplus shows it, and it is settled the same way", async () => {
    const proxy = await startProxy(redis.port);
    open.push(proxy);
    const { counters, observed } = await opened(proxy.port, 1_000);
    await take(counters, 10);
    proxy.holdReplies();
    const [charged, refused] = await Promise.all([take(counters, 5), take(counters, 7)]);
    const settled: [number, boolean][] = [];
    await waitFor("the server has run both", async () => (await usageHeld()) === 22);
    proxy.cut();
    if (charged?.kind === "unavailable") charged.settle([true], (...known) => settled.push(known));
    if (refused?.kind === "unavailable") refused.settle([false], () => expect.unreachable("it was not charged"));
    proxy.releaseReplies();
    await waitFor("the refused take is given back", () => observed.gaveBack.length === 1);
    expect(settled).toEqual([[0, true]]);
    expect(await waitFor("traffic is back", async () => [await monthUsed(counters, "acme")])).toEqual([15]);
    expect(await usageHeld()).toBe(15);
  });

  test("that lost its connection before it ran a take: it is known not to have run, and one never sent at once", async () => {
    const proxy = await startProxy(redis.port);
    open.push(proxy);
    const { counters } = await opened(proxy.port, 100);
    await take(counters, 10);
    redis.freeze();
    const frozenMs = performance.now();
    const settled: [number, boolean][] = [];
    const pending = await take(counters, 5);
    if (pending.kind === "unavailable") pending.settle([true], (...known) => settled.push(known));
    await waitFor("the store thinks it too late", () => performance.now() - frozenMs > 200);
    proxy.cut();
    await waitFor("the cut is noticed", () => !counters.health().healthy);
    const unsent: [number, boolean][] = [];
    const refused = await take(counters, 7);
    if (refused.kind === "unavailable") refused.settle([true], (...known) => unsent.push(known));
    expect([settled, unsent]).toEqual([[], [[0, false]]]);
    redis.thaw();
    await waitFor("it is settled", () => settled.length > 0);
    expect(settled).toEqual([[0, false]]);
    expect(await waitFor("traffic is back", async () => [await monthUsed(counters, "acme")])).toEqual([10]);
  });

  test("that lost usage which was acknowledged is healed by the next take of that row", async () => {
    const { counters } = await opened();
    await take(counters, 10);
    const [key] = (await redis.keys()).filter((name) => name.includes(":w:"));
    await redis.command("DEL", key ?? "");
    await take(counters, 2);
    expect(await usageHeld()).toBe(12);
  });

  async function usageHeld(): Promise<number> {
    const [key] = (await redis.keys()).filter((name) => name.includes(":w:"));
    const values = await redis.command("HVALS", key ?? "");
    return (values as string[]).reduce((sum, value) => sum + Number(value), 0);
  }
});
