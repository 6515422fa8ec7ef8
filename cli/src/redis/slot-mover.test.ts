// What becomes of writes while a slot moves, and of the slot when the target stops answering in between.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RedisCluster, type RedisNode, startCluster } from "../../../service/test/redis.ts";
import { describeWithRedis } from "../../../service/test/services.ts";
import { runForTest } from "../../test/run.ts";
import { address, contents, expectSame, fill, journeyOf, moveWith, openSlots, ownersOf } from "../../test/slots.ts";
import { slotOfKey } from "./key-slot.ts";

describeWithRedis("a slot that moves", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    // Longer than any freeze below: nothing fails over.
    cluster = await startCluster({ nodeTimeoutMs: 30_000 });
  });
  afterAll(() => cluster?.stop());

  test.each([
    ["soon", false],
    ["late", true],
  ])("keys written after they were copied arrive as they were last, told of it %s", async (tag, withLateNotices) => {
    const journey = await journeyOf(cluster, tag);
    const { home, away } = journey;
    const key = (name: string) => `{${tag}}${name}`;
    for (const name of ["value", "script", "deleted", "expiring", "untouched"])
      await home.command("SET", key(name), "1");
    const onCopied = async () => {
      await home.command("SET", key("value"), "2");
      await home.command("EVAL", "redis.call('APPEND', KEYS[1], '+')", 1, key("script"));
      await home.command("DEL", key("deleted"));
      await home.command("PEXPIRE", key("expiring"), 3_600_000);
      await home.command("SET", key("new"), "1");
    };
    const moved = await moveWith(cluster, journey, { onCopied, withLateNotices });
    expect(moved).toMatchObject({ keys: 5, copiedAhead: 1, inWindow: 4 });
    expect(await valuesAt(away, tag)).toEqual({
      [key("value")]: "2",
      [key("script")]: "1+",
      [key("expiring")]: "1",
      [key("untouched")]: "1",
      [key("new")]: "1",
    });
    expect(await away.command("PTTL", key("expiring"))).toBeGreaterThan(3_000_000);
    expect(await home.command("CLUSTER", "COUNTKEYSINSLOT", journey.slot)).toBe(0);
  });

  test("while it is open no node takes a write", async () => {
    const journey = await journeyOf(cluster, "open");
    const { home, away } = journey;
    const answers: Promise<unknown>[] = [];
    const onOpened = () => {
      for (const node of [home, away]) answers.push(node.command("SET", "{open}key", "x").catch(String));
    };
    await moveWith(cluster, journey, { onOpened });
    const [atHome, atAway] = await Promise.all(answers);
    expect(atHome).toContain(`MOVED ${journey.slot} ${address(away)}`);
    // The target may have taken the slot by then: its write is as good as any.
    expect(atAway).toMatch(/^OK$|MOVED/);
    expect(await valuesAt(away, "open")).toEqual(atAway === "OK" ? { "{open}key": "x" } : {});
  });

  test("writes that go on all the time are each there once, after moves there and back", async () => {
    const tag = "written";
    const journey = await journeyOf(cluster, tag);
    await fill(journey.home, tag, 1_500);
    const filled = await valuesAt(journey.home, tag);
    let isMoving = true;
    const writers = Array.from({ length: 6 }, (_, writer) => writeWhile(cluster, journey, writer, () => isMoving));
    const moved = [];
    try {
      for (const [home, away] of journeys(journey, 4)) {
        moved.push(await moveWith(cluster, { slot: journey.slot, home, away }, {}));
      }
    } finally {
      isMoving = false;
    }
    const written = await Promise.all(writers);
    expect(await valuesAt(journey.home, tag)).toEqual(Object.assign({}, filled, ...written));
    expect(moved.every(({ keys }) => keys >= 1_500)).toBe(true);
    expect(await openSlots(cluster)).toEqual([]);
  });

  test("a target that freezes while the last changes follow leaves everything at the source", async () => {
    const journey = await journeyOf(cluster, "frozen");
    const { slot, home, away } = journey;
    await fill(home, "frozen", 5);
    const before = await contents(home, "frozen");
    const failure = await moveWith(cluster, journey, {
      onCopied: async () => void (await home.command("SET", "{frozen}late", "x", "PX", 3_600_000)),
      onOpened: () => away.freeze(),
    }).catch((fault: unknown) => fault);
    expect(failure).toMatchObject({ message: expect.stringMatching(/stays with .* may still hold copies/s) });
    await home.command("DEL", "{frozen}late");
    away.thaw();
    expectSame(await contents(home, "frozen"), before);

    expect(await moveAgain(cluster, "--to", address(away), "--slots", String(slot))).toMatchObject({ exitCode: 0 });
    expectSame(await contents(away, "frozen"), before);
    expect(await openSlots(cluster)).toEqual([]);
  });

  test("a target that freezes when it should take the slot leaves it open, and the move's own words complete it", async () => {
    const journey = await journeyOf(cluster, "silent");
    const { slot, home, away } = journey;
    await fill(home, "silent", 5);
    const before = await contents(home, "silent");
    const failure = await moveWith(cluster, journey, { onOpened: () => away.freeze() }).catch(String);
    away.thaw();
    expect(failure).toContain(`SLOT ${slot} IS OPEN`);

    const advice = /sluice redis move-slots (--from .* --resume)/.exec(String(failure))?.[1]?.split(" ") ?? [];
    expect(await moveAgain(cluster, ...advice)).toMatchObject({ exitCode: 0 });
    expect(await ownersOf(cluster, slot)).toEqual([away.port]);
    expectSame(await contents(away, "silent"), before);
    expect(await home.command("CLUSTER", "COUNTKEYSINSLOT", slot)).toBe(0);
    expect(await openSlots(cluster)).toEqual([]);
  });

  test("a source that loses all its keys meanwhile keeps the slot, and the target forgets the copies", async () => {
    const journey = await journeyOf(cluster, "flushed");
    const { slot, home, away } = journey;
    await fill(home, "flushed", 5);
    const onCopied = async () => void (await home.command("FLUSHALL"));
    const failure = await moveWith(cluster, journey, { onCopied }).catch(String);
    expect(failure).toContain("All keys");
    expect(await away.command("CLUSTER", "COUNTKEYSINSLOT", slot)).toBe(0);
    expect(await ownersOf(cluster, slot)).toEqual([home.port]);
    expect(await openSlots(cluster)).toEqual([]);
  });

  test.each(["plain", "{tag}rest", "a{b}{c}", "{}x", "a{}{b}", "{a{b}c}", "{open", "}{ü}", "é", ""])(
    "the slot of the key %j is the one that Redis names",
    async (key) => {
      expect(slotOfKey(Buffer.from(key))).toBe(await cluster.slotOfKey(key));
    },
  );
});

const moveAgain = (cluster: RedisCluster, ...words: string[]) =>
  runForTest(["redis", "move-slots", "--redis", cluster.url, ...words]);

function journeys({ home, away }: { home: RedisNode; away: RedisNode }, count: number): [RedisNode, RedisNode][] {
  return Array.from({ length: count }, (_, index) => (index % 2 === 0 ? [home, away] : [away, home]));
}

/** Adds to keys of its own, makes new ones and deletes some, one after another; what must be there in the end. */
async function writeWhile(
  cluster: RedisCluster,
  { home }: { home: RedisNode },
  writer: number,
  isOn: () => boolean,
): Promise<Record<string, string>> {
  const expected = new Map<string, number>();
  const add = "return { redis.call('INCR', KEYS[1]), redis.call('INCR', KEYS[2]) }";
  const owner = { node: home };
  for (let number = 0; isOn() || number < 300; number++) {
    const key = (name: number) => `{written}w${writer}:${name % 40}`;
    const [one, other] = [key(number), key(number * 7 + 1)];
    if (number % 9 === 0 || one === other) {
      await write(cluster, owner, ["DEL", one]);
      expected.delete(one);
    } else {
      await write(cluster, owner, ["EVAL", add, 2, one, other]);
      for (const name of [one, other]) expected.set(name, (expected.get(name) ?? 0) + 1);
    }
  }
  return Object.fromEntries([...expected].map(([key, value]) => [key, String(value)]));
}

/** As a client writes: where a node names another, there; until it is taken. */
async function write(cluster: RedisCluster, owner: { node: RedisNode }, words: (string | number)[]): Promise<void> {
  for (let attempt = 0; attempt < 100_000; attempt++) {
    try {
      await owner.node.command(...words);
      return;
    } catch (fault) {
      const [, port] = /^MOVED \d+ .*:(\d+)$/.exec(fault instanceof Error ? fault.message : "") ?? [];
      const named = cluster.nodes.find((node) => node.port === Number(port));
      if (named === undefined) throw fault;
      owner.node = named;
    }
  }
  throw new Error("No node takes the write.");
}

async function valuesAt(node: RedisNode, tag: string): Promise<Record<string, string>> {
  const keys = (await node.keys()).filter((key) => key.startsWith(`{${tag}}`));
  const values = (keys.length === 0 ? [] : await node.command("MGET", ...keys)) as string[];
  return Object.fromEntries(keys.map((key, index) => [key, values[index] ?? ""]));
}
