import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCertificates } from "../../service/test/certificates.ts";
import { type RedisCluster, type RedisNode, type RedisReply, startCluster } from "../../service/test/redis.ts";
import { describeWith, describeWithRedis } from "../../service/test/services.ts";
import { type Run, runForTest } from "../test/run.ts";
import { parseClusterNodes } from "./redis/cluster-nodes.ts";
import { openConnections } from "./redis/connections.redis.ts";
import { moveSlot } from "./redis/slot-mover.redis.ts";

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
    expect(movedIn(there)).toMatchObject([{ slot, keys: keyCount }]);
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

  test("a move that fails before any key has left leaves the slot closed where it was", async () => {
    const tag = "refused";
    const slot = await cluster.slotOfKey(tag);
    const home = await cluster.ownerOfSlot(slot);
    const away = otherMaster(cluster, home);
    await fill(home, tag, 3);
    const before = await contents(home, tag);
    await away.command("CONFIG", "SET", "maxmemory", 1);
    try {
      const failed = await move("--to", address(away), "--slots", String(slot));
      expect(failed).toMatchObject({ exitCode: 1 });
      expect(failed.talk).toContain("stays with");
    } finally {
      await away.command("CONFIG", "SET", "maxmemory", 0);
    }
    expect(await openSlots(cluster)).toEqual([]);
    expect(await ownersOf(cluster, slot)).toEqual([home.port]);
    expectSame(await contents(home, tag), before);
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

  test("a target that freezes in the middle is given up, and the move resumes when it is back", async () => {
    const tag = "frozen";
    const slot = await cluster.slotOfKey(tag);
    const home = await cluster.ownerOfSlot(slot);
    const away = otherMaster(cluster, home);
    await fill(home, tag, 5);
    const before = await contents(home, tag);
    const failure = await moveWhile(cluster, { slot, home, away }, () => away.freeze());
    away.thaw();
    expect(failure).toMatchObject({ message: expect.stringContaining(`SLOT ${slot} IS OPEN`) });
    // Its keys are still answered where they were.
    expectSame(await contents(home, tag), before);
    expect(await move("--to", address(away), "--slots", String(slot), "--resume")).toMatchObject({ exitCode: 0 });
    expectSame(await contents(away, tag), before);
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
  test("a restricted user moves a slot, and a wrong password is refused", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-tls-"));
    const tls = await makeCertificates(folder);
    const rights = "+ping +cluster +migrate +restore +restore-asking +select +asking +dump +client +hello +info";
    const acl = ["user default off", `user mover on >moving ~* -@all ${rights}`];
    const cluster = await startCluster({ tls, acl });
    const environment = {
      SLUICE_REDIS_TLS_CA_FILE: tls.caFile,
      SLUICE_REDIS_TLS_CERT_FILE: tls.clientCertFile,
      SLUICE_REDIS_TLS_KEY_FILE: tls.clientKeyFile,
      SLUICE_REDIS_USERNAME: "mover",
    };
    try {
      const slot = await cluster.slotOfKey("secured");
      const home = await cluster.ownerOfSlot(slot);
      const away = otherMaster(cluster, home);
      await fill(home, "secured", 10);
      const before = await contents(home, "secured");
      const words = ["redis", "move-slots", "--redis", cluster.url, "--to", address(away), "--slots", String(slot)];
      expect(await runForTest(words, { ...environment, SLUICE_REDIS_PASSWORD: "wrong" })).toMatchObject({
        exitCode: 3,
      });
      const run = await runForTest(words, { ...environment, SLUICE_REDIS_PASSWORD: "moving" });
      expect(run).toMatchObject({ exitCode: 0 });
      expectSame(await contents(away, "secured"), before);
      expect(await openSlots(cluster)).toEqual([]);
    } finally {
      await cluster.stop();
      await rm(folder, { recursive: true });
    }
  });
});

/** Six keys, three of them moved by hand, one of those written at the target since, one still on both nodes. */
async function openHalfMoved(cluster: RedisCluster, tag: string) {
  const slot = await cluster.slotOfKey(tag);
  const home = await cluster.ownerOfSlot(slot);
  const away = otherMaster(cluster, home);
  const key = (name: string) => `{${tag}}${name}`;
  for (const name of ["a", "b", "c", "d", "e", "f"]) await home.command("SET", key(name), name, "PX", 3_600_000);
  await away.command("CLUSTER", "SETSLOT", slot, "IMPORTING", await cluster.idOf(home));
  await home.command("CLUSTER", "SETSLOT", slot, "MIGRATING", await cluster.idOf(away));
  await home.command("MIGRATE", away.host, away.port, "", 0, 1_000, "KEYS", key("a"), key("b"));
  await home.command("MIGRATE", away.host, away.port, "", 0, 1_000, "COPY", "KEYS", key("c"));
  await home.command("SET", key("c"), "newer at the source");
  return { slot, home, away };
}

/** Runs `onOpened` at the moment when the slot is open and none of its keys has left; the failure of the move. */
async function moveWhile(
  cluster: RedisCluster,
  { slot, home, away }: { slot: number; home: RedisNode; away: RedisNode },
  onOpened: () => void,
): Promise<unknown> {
  const connections = openConnections({ kind: "redis", seeds: [home], username: null, password: null, tls: null });
  const member = async (node: RedisNode) => ({
    id: await cluster.idOf(node),
    ip: node.host,
    port: node.port,
    connection: await connections.to(node.host, node.port),
  });
  const move = { slot, source: await member(home), target: await member(away), otherMasters: [] };
  const settings = { migrateTimeoutMs: 100, credentials: { username: null, password: null }, onOpened };
  try {
    return await moveSlot(move, settings).then(
      () => null,
      (failure: unknown) => failure,
    );
  } finally {
    connections.close();
  }
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

/** Keys of arbitrary bytes, each with a value and a TTL of its own. */
async function fill(node: RedisNode, tag: string, keyCount: number): Promise<void> {
  const script = `for i = 1, tonumber(ARGV[1]) do
    redis.call('SET', KEYS[1] .. string.char(0, 255, i % 256) .. i, string.rep(i, 20), 'PX', 3600000 + 60000 * i)
  end`;
  await node.command("EVAL", script, 1, `{${tag}}`, keyCount);
}

type Contents = Readonly<{ count: number; digest: string; expiriesMs: readonly number[] }>;

/** How many keys of the tag the node holds, a digest of names and values, and when each expires. */
async function contents(node: RedisNode, tag: string): Promise<Contents> {
  const script = `local keys = redis.call('KEYS', ARGV[1] .. '*'); table.sort(keys); local all, expiries = {}, {}
    for _, key in ipairs(keys) do
      table.insert(all, key .. redis.call('GET', key)); table.insert(expiries, redis.call('PEXPIRETIME', key))
    end
    return { #keys, redis.sha1hex(table.concat(all)), expiries }`;
  const [count, digest, expiriesMs] = (await node.command("EVAL", script, 0, `{${tag}}`)) as [number, string, number[]];
  return { count, digest, expiriesMs };
}

/** MIGRATE sends the time left, not the instant: an expiry moves by the time of the journey. */
const MAX_JOURNEY_MS = 10_000;

function expectSame(after: Contents, before: Contents): void {
  expect([after.count, after.digest]).toEqual([before.count, before.digest]);
  const shiftsMs = after.expiriesMs.map((expiryMs, index) => expiryMs - (before.expiriesMs[index] ?? 0));
  expect(shiftsMs.filter((shiftMs) => shiftMs < 0 || shiftMs > MAX_JOURNEY_MS)).toEqual([]);
}

/** Every owner that any node names for the slot, by port. */
async function ownersOf(cluster: RedisCluster, slot: number): Promise<number[]> {
  await cluster.settled();
  const owners = await Promise.all(
    cluster.nodes.map(async (node) => {
      const view = parseClusterNodes(String(await node.command("CLUSTER", "NODES")));
      return (
        view.find(({ slotRanges }) => slotRanges.some(([first, last]) => slot >= first && slot <= last))?.port ?? 0
      );
    }),
  );
  return [...new Set(owners)];
}

async function slotOwnedBy(node: RedisNode | undefined): Promise<number> {
  const view = parseClusterNodes(String(await node?.command("CLUSTER", "NODES")));
  return view.find(({ isMyself }) => isMyself)?.slotRanges[0]?.[0] ?? -1;
}

async function openSlots(cluster: RedisCluster): Promise<number[]> {
  const open = await Promise.all(
    cluster.nodes.map(async (node) => {
      const self = parseClusterNodes(String(await node.command("CLUSTER", "NODES"))).find(({ isMyself }) => isMyself);
      return [...(self?.migrating.keys() ?? []), ...(self?.importing.keys() ?? [])];
    }),
  );
  return [...new Set(open.flat())];
}

function otherMaster(cluster: RedisCluster, home: RedisNode): RedisNode {
  const other = cluster.nodes.slice(0, 3).find((node) => node !== home);
  if (!other) throw new Error("The cluster has one master only.");
  return other;
}

function address(node: RedisNode | undefined): string {
  return `${node?.host}:${node?.port}`;
}

function movedIn(run: Run): unknown {
  return (JSON.parse(run.data) as { moved: unknown }).moved;
}
