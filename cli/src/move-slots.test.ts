import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCertificates } from "../../service/test/certificates.ts";
import { type RedisCluster, type RedisNode, type RedisReply, startCluster } from "../../service/test/redis.ts";
import { describeWith, describeWithRedis } from "../../service/test/services.ts";
import { type Run, runForTest } from "../test/run.ts";
import { address, contents, expectSame, fill, journeyOf, openSlots, otherMaster, ownersOf } from "../test/slots.ts";
import { RIGHTS_TO_MOVE } from "./move-slots.ts";
import { parseClusterNodes } from "./redis/cluster-nodes.ts";

describeWithRedis("sluice redis move-slots", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    // Longer than any freeze below: nothing fails over.
    cluster = await startCluster({ nodeTimeoutMs: 30_000 });
  });
  afterAll(() => cluster?.stop());

  const move = (...words: string[]) => runForTest(["redis", "move-slots", "--redis", cluster.url, ...words]);

  test.each([0, 1, 2_000])("a slot of %i keys moves there and back with every value and TTL", async (keyCount) => {
    const tag = `tenant-${keyCount}`;
    const slot = await cluster.slotOfKey(tag);
    const home = await cluster.ownerOfSlot(slot);
    const away = otherMaster(cluster, home);
    await fill(home, tag, keyCount);
    const before = await contents(home, tag);
    expect(before.count).toBe(keyCount);

    const there = await move("--to", address(away), "--slots", String(slot));
    expect(there).toMatchObject({ exitCode: 0 });
    expect(movedIn(there)).toMatchObject([{ slot, keys: keyCount, copiedAhead: keyCount, inWindow: 0 }]);
    expect(await ownersOf(cluster, slot)).toEqual([away.port]);
    expectSame(await contents(away, tag), before);
    expect((await contents(home, tag)).count).toBe(0);

    const back = await move("--from", await cluster.idOf(away), "--to", address(home), "--key-tag", tag);
    expect(movedIn(back)).toMatchObject([{ slot, keys: keyCount }]);
    expect(await ownersOf(cluster, slot)).toEqual([home.port]);
    expectSame(await contents(home, tag), before);
    expect(await openSlots(cluster)).toEqual([]);
  });

  test("several slots move one after another, and one that is there already is left alone", async () => {
    const [home, away] = [await cluster.ownerOfSlot(100), otherMaster(cluster, await cluster.ownerOfSlot(100))];
    await move("--to", address(away), "--slots", "101");
    const run = await move("--to", address(away), "--slots", "100-102");
    expect(run.talk).toContain("slot 101: already there (2 of 3)");
    expect(await Promise.all([100, 101, 102].map((slot) => ownersOf(cluster, slot)))).toEqual([
      [away.port],
      [away.port],
      [away.port],
    ]);
    expect(await move("--to", address(home), "--slots", "100-102")).toMatchObject({ exitCode: 0 });
  });

  test("an interrupted move is refused without --resume and completed with it, the newest values winning", async () => {
    const { slot, home, away } = await openHalfMoved(cluster, "interrupted");
    const before = await valuesOf(home, away, "interrupted");

    const refused = await move("--to", address(away), "--slots", String(slot));
    expect(refused).toMatchObject({ exitCode: 5 });
    expect(refused.talk).toContain("--resume");
    const elsewhere = cluster.nodes.find((node) => ![home, away].includes(node) && cluster.nodes.indexOf(node) < 3);
    const other = await move("--to", address(elsewhere), "--slots", String(slot), "--resume");
    expect(other).toMatchObject({ exitCode: 5 });
    expect(other.talk).toContain(await cluster.idOf(away));

    expect(await move("--to", address(away), "--slots", String(slot), "--resume")).toMatchObject({ exitCode: 0 });
    expect(await ownersOf(cluster, slot)).toEqual([away.port]);
    expect(await contents(away, "interrupted")).toMatchObject({ count: 6 });
    expect(await valuesOf(away, home, "interrupted")).toEqual(before);
    expect(await openSlots(cluster)).toEqual([]);
  });

  test("a move interrupted between the target's and the source's last step is completed with --resume", async () => {
    const tag = "almost";
    const slot = await cluster.slotOfKey(tag);
    const home = await cluster.ownerOfSlot(slot);
    const away = otherMaster(cluster, home);
    await away.command("CLUSTER", "SETSLOT", slot, "IMPORTING", await cluster.idOf(home));
    await home.command("CLUSTER", "SETSLOT", slot, "MIGRATING", await cluster.idOf(away));
    await away.command("CLUSTER", "SETSLOT", slot, "NODE", await cluster.idOf(away));
    expect(await move("--to", address(away), "--slots", String(slot), "--resume")).toMatchObject({ exitCode: 0 });
    expect(await ownersOf(cluster, slot)).toEqual([away.port]);
    expect(await openSlots(cluster)).toEqual([]);
  });

  test("copying that fails leaves the source as it was and the target without copies", async () => {
    const { slot, home, away } = await journeyOf(cluster, "refused");
    await fill(home, "refused", 300);
    const before = await contents(home, "refused");
    // Room for some of the keys, but not for all.
    const used = /used_memory:(\d+)/.exec(String(await away.command("INFO", "memory")))?.[1];
    await away.command("CONFIG", "SET", "maxmemory", Number(used) + 50_000);
    try {
      const failed = await move("--to", address(away), "--slots", String(slot));
      expect(failed).toMatchObject({ exitCode: 1 });
      expect(failed.talk).toContain("stays with");
      expect(failed.talk).not.toContain("copies");
    } finally {
      await away.command("CONFIG", "SET", "maxmemory", 0);
    }
    expect(await away.command("CLUSTER", "COUNTKEYSINSLOT", slot)).toBe(0);
    expect(await openSlots(cluster)).toEqual([]);
    expect(await ownersOf(cluster, slot)).toEqual([home.port]);
    expectSame(await contents(home, "refused"), before);
  });

  test("copies that a dead mover left at the target are replaced, those of keys that are no more removed", async () => {
    const { slot, home, away } = await journeyOf(cluster, "leftovers");
    await fill(home, "leftovers", 300);
    const before = await contents(home, "leftovers");
    await away.command("CLUSTER", "SETSLOT", slot, "IMPORTING", await cluster.idOf(home));
    for (const key of ["{leftovers}ghost", (await home.keys()).find((name) => name.startsWith("{leftovers}")) ?? ""]) {
      await away.command("ASKING");
      await away.command("SET", key, "stale");
    }
    const third = cluster.nodes.slice(0, 3).find((node) => node !== home && node !== away);
    const elsewhere = await move("--to", address(third), "--slots", String(slot));
    expect(elsewhere).toMatchObject({ exitCode: 5 });
    expect(elsewhere.talk).toContain("still holds copies");

    expect(await move("--to", address(away), "--slots", String(slot))).toMatchObject({ exitCode: 0 });
    expectSame(await contents(away, "leftovers"), before);
    expect(await home.command("CLUSTER", "COUNTKEYSINSLOT", slot)).toBe(0);
    expect(await openSlots(cluster)).toEqual([]);
  });

  test("a switch interrupted before the target took the slot is completed with --resume from the source's keys", async () => {
    const { slot, home, away } = await journeyOf(cluster, "limbo");
    await switchByHand(cluster, "limbo");
    const refused = await move("--to", address(away), "--slots", String(slot));
    expect(refused).toMatchObject({ exitCode: 5 });
    expect(refused.talk).toContain("--resume");
    expect(await move("--to", address(away), "--slots", String(slot), "--resume")).toMatchObject({ exitCode: 0 });
    expect(await ownersOf(cluster, slot)).toEqual([away.port]);
    expect(await valuesOf(away, home, "limbo")).toEqual({ "{limbo}a": "newer at the source", "{limbo}b": "b" });
    expect(await home.command("CLUSTER", "COUNTKEYSINSLOT", slot)).toBe(0);
    expect(await openSlots(cluster)).toEqual([]);
  });

  test("a switch interrupted after the target took the slot is completed with --resume, the target's keys staying", async () => {
    const { slot, home, away } = await journeyOf(cluster, "unclosed");
    await switchByHand(cluster, "unclosed");
    await away.command("CLUSTER", "SETSLOT", slot, "NODE", await cluster.idOf(away));
    await away.command("SET", "{unclosed}b", "newer at the target");
    expect(await move("--to", address(away), "--slots", String(slot))).toMatchObject({ exitCode: 5 });
    expect(await move("--to", address(away), "--slots", String(slot), "--resume")).toMatchObject({ exitCode: 0 });
    expect(await valuesOf(away, home, "unclosed")).toEqual({
      "{unclosed}a": "a",
      "{unclosed}b": "newer at the target",
    });
    expect(await home.command("CLUSTER", "COUNTKEYSINSLOT", slot)).toBe(0);
    expect(await openSlots(cluster)).toEqual([]);
  });

  test("a move that fails halfway says that the slot is open, and its own words complete it", async () => {
    const { slot, home, away } = await openHalfMoved(cluster, "halfway");
    const before = await valuesOf(home, away, "halfway");
    await away.command("CONFIG", "SET", "maxmemory", 1);
    const failed = await move("--to", address(away), "--slots", String(slot), "--resume");
    await away.command("CONFIG", "SET", "maxmemory", 0);
    expect(failed).toMatchObject({ exitCode: 1 });
    expect(failed.talk).toContain(`SLOT ${slot} IS OPEN`);
    expect(await openSlots(cluster)).toEqual([slot]);

    const advice = /sluice redis move-slots (--from .* --resume)/.exec(failed.talk)?.[1]?.split(" ") ?? [];
    expect(await move(...advice)).toMatchObject({ exitCode: 0 });
    expect(await valuesOf(away, home, "halfway")).toEqual(before);
    expect(await openSlots(cluster)).toEqual([]);
  });

  test("what cannot be done is said before anything is begun, each kind with its exit code", async () => {
    const [first, second, , replica] = cluster.nodes;
    const exitCodes = await Promise.all([
      move("--to", address(first)),
      move("--to", address(first), "--slots", "7", "--key-tag", "acme"),
      move("--to", address(first), "--slots", "16384"),
      move("--to", "127.0.0.1:1", "--slots", "7"),
      move("--to", address(replica), "--slots", "7"),
      move("--from", address(second), "--to", address(second), "--slots", String(await slotOwnedBy(first))),
      runForTest(["redis", "move-slots", "--to", "x", "--slots", "7"]),
      runForTest(["redis", "move-slots", "--redis", "redis://127.0.0.1:1", "--to", "x", "--slots", "7"]),
    ]);
    expect(exitCodes.map(({ exitCode }) => exitCode)).toEqual([2, 2, 2, 4, 5, 5, 2, 69]);
    expect(await openSlots(cluster)).toEqual([]);
  });
});

describeWith(["redis-server", "openssl"], "sluice redis move-slots over TLS with ACLs", () => {
  test("a restricted user moves a slot, one that may not watch moves it without copies, a wrong one is refused", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-tls-"));
    const tls = await makeCertificates(folder);
    const withoutWatching = RIGHTS_TO_MOVE.replace(/ \+hello.*/, "");
    const acl = [
      "user default off",
      `user mover on >moving ~* -@all ${RIGHTS_TO_MOVE}`,
      `user plain on >moving ~* -@all ${withoutWatching}`,
    ];
    const cluster = await startCluster({ tls, acl });
    const environment = {
      SLUICE_REDIS_TLS_CA_FILE: tls.caFile,
      SLUICE_REDIS_TLS_CERT_FILE: tls.clientCertFile,
      SLUICE_REDIS_TLS_KEY_FILE: tls.clientKeyFile,
    };
    try {
      const { slot, home, away } = await journeyOf(cluster, "secured");
      await fill(home, "secured", 10);
      const before = await contents(home, "secured");
      const moveAs = (user: string, password: string, to: RedisNode) => {
        const words = ["redis", "move-slots", "--redis", cluster.url, "--to", address(to), "--slots", String(slot)];
        return runForTest(words, { ...environment, SLUICE_REDIS_USERNAME: user, SLUICE_REDIS_PASSWORD: password });
      };
      expect(await moveAs("mover", "wrong", away)).toMatchObject({ exitCode: 3 });

      const run = await moveAs("mover", "moving", away);
      expect(run).toMatchObject({ exitCode: 0 });
      expect(run.talk).not.toContain("warning");
      expect(movedIn(run)).toMatchObject([{ keys: 10, copiedAhead: 10 }]);
      expectSame(await contents(away, "secured"), before);

      const plain = await moveAs("plain", "moving", home);
      expect(plain).toMatchObject({ exitCode: 0 });
      expect(plain.talk).toContain("without copies ahead");
      expect(movedIn(plain)).toMatchObject([{ keys: 10, copiedAhead: 0 }]);
      expectSame(await contents(home, "secured"), before);
      expect(await openSlots(cluster)).toEqual([]);
    } finally {
      await cluster.stop();
      await rm(folder, { recursive: true });
    }
  });
});

/** Two keys copied and the slot handed over as a move does it; one of the keys changed after it was copied. */
async function switchByHand(cluster: RedisCluster, tag: string): Promise<void> {
  const { slot, home, away } = await journeyOf(cluster, tag);
  const [homeId, awayId] = [await cluster.idOf(home), await cluster.idOf(away)];
  for (const name of ["a", "b"]) await home.command("SET", `{${tag}}${name}`, name);
  await away.command("CLUSTER", "SETSLOT", slot, "IMPORTING", homeId);
  await home.command("MIGRATE", away.host, away.port, "", 0, 1_000, "COPY", "KEYS", `{${tag}}a`, `{${tag}}b`);
  await home.command("SET", `{${tag}}a`, "newer at the source");
  await home.command("MULTI");
  await home.command("CLUSTER", "SETSLOT", slot, "MIGRATING", awayId);
  await home.command("CLUSTER", "DELSLOTS", slot);
  await home.command("CLUSTER", "SETSLOT", slot, "NODE", awayId);
  await home.command("CLUSTER", "SETSLOT", slot, "IMPORTING", awayId);
  expect(await home.command("EXEC")).toEqual(["OK", "OK", "OK", "OK"]);
}

/** Six keys, three of them moved by hand, one of those written at the target since, one still on both nodes. */
async function openHalfMoved(cluster: RedisCluster, tag: string) {
  const { slot, home, away } = await journeyOf(cluster, tag);
  const key = (name: string) => `{${tag}}${name}`;
  for (const name of ["a", "b", "c", "d", "e", "f"]) await home.command("SET", key(name), name, "PX", 3_600_000);
  await away.command("CLUSTER", "SETSLOT", slot, "IMPORTING", await cluster.idOf(home));
  await home.command("CLUSTER", "SETSLOT", slot, "MIGRATING", await cluster.idOf(away));
  await home.command("MIGRATE", away.host, away.port, "", 0, 1_000, "KEYS", key("a"), key("b"));
  await home.command("MIGRATE", away.host, away.port, "", 0, 1_000, "COPY", "KEYS", key("c"));
  await home.command("SET", key("c"), "newer at the source");
  return { slot, home, away };
}

/** What calls would read: `first`'s value where it has one, the other node's where it has not. */
async function valuesOf(first: RedisNode, second: RedisNode, tag: string): Promise<Record<string, RedisReply>> {
  const read = async (node: RedisNode) => {
    const values: Record<string, RedisReply> = {};
    for (const key of (await node.keys()).filter((name) => name.startsWith(`{${tag}}`))) {
      await node.command("ASKING");
      values[key] = await node.command("GET", key);
    }
    return values;
  };
  return { ...(await read(second)), ...(await read(first)) };
}

async function slotOwnedBy(node: RedisNode | undefined): Promise<number> {
  const view = parseClusterNodes(String(await node?.command("CLUSTER", "NODES")));
  return view.find(({ isMyself }) => isMyself)?.slotRanges[0]?.[0] ?? -1;
}

function movedIn(run: Run): unknown {
  return (JSON.parse(run.data) as { moved: unknown }).moved;
}
