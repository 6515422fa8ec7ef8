// The script that brings a node back whose append-only file is damaged, on a real cluster with TLS and the users of users.acl.
import { execFile } from "node:child_process";
import { appendFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCertificates } from "../../service/test/certificates.ts";
import { startRedis } from "../../service/test/redis.ts";
import { describeWith } from "../../service/test/services.ts";
import { waitFor } from "../../service/test/wait.ts";
import { cutAppendOnlyFile, flipAppendOnlyFile } from "./append-only-file.ts";
import { type RedisServer, type RedisStack, startRedisStack } from "./redis-stack.ts";
import { applyRestore, restoreNode, runningPeer } from "./restore-node.ts";

const RUNBOOK = new URL("../../docs/runbooks/redis-append-only-file.md", import.meta.url);
const LONG_MS = 86_400_000;
const PROMOTED_MS = 20_000;

describeWith(["redis-server", "openssl"], "restore-node.sh", () => {
  let folder: string;
  let redis: RedisStack;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-restore-"));
    await mkdir(join(folder, "certificates"));
    const certificates = await makeCertificates(join(folder, "certificates"));
    redis = await startRedisStack({ folder, certificates, settings: {} });
  });
  afterAll(async () => {
    await redis?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("leaves a running node alone, and finds nothing wrong with it once it is stopped", async () => {
    const { replica } = await shardOf("alone");
    for (const words of [
      ["check"],
      ["cut-tail"],
      ["empty", "--peer"],
      ["from-archive", "--no-peer"],
      ["anew", "--peer"],
    ]) {
      const refused = await restoreNode(redis, wordsFor(words, replica));
      expect(refused).toMatchObject({ exitCode: 1, said: expect.stringContaining("runs on") });
    }
    await replica.terminate();
    const { exitCode, said } = await restoreNode(redis, ["check", replica.dataFolder]);
    expect(said).toMatch(/a replica when it stopped\nfile +all files .* can be read/);
    expect(exitCode).toBe(0);
    await replica.start();
  });

  test("knows a node that runs without the lock of nodes.conf", async () => {
    const place = await mkdtemp(join(folder, "lockless-"));
    await writeFile(join(place, "nodes.conf"), `${"a".repeat(40)} 127.0.0.1:1@2 myself,master - 0 0 1 connected 0-9\n`);
    const node = await startRedis({ folder: place });
    expect(await restoreNode(redis, ["check", place])).toMatchObject({
      exitCode: 1,
      said: expect.stringContaining(`Process ${node.pid()} is a node`),
    });
    await node.stop();
    expect((await restoreNode(redis, ["check", place])).said).toContain("would start empty");
  });

  test("a tail that was cut off: nothing changes without --apply, what is cut is kept, the rest is loaded", async () => {
    const { master, replica } = await shardOf("tail");
    await fill(master, "tail", 20);
    await Promise.all([master.kill(), replica.kill()]);
    for (const node of [master, replica]) await cutAppendOnlyFile(node, 10);
    expect((await restoreNode(redis, ["check", master.dataFolder])).said).toContain("Redis starts without them");
    const before = await growingFileOf(master);
    const dry = await restoreNode(redis, ["cut-tail", master.dataFolder]);
    expect(dry).toMatchObject({ exitCode: 0, said: expect.stringContaining("nothing was changed") });
    expect(await growingFileOf(master)).toEqual(before);

    for (const node of [master, replica]) await applyRestore(redis, ["cut-tail", node.dataFolder]);
    const after = await growingFileOf(master);
    const [kept = ""] = await keptBy(master);
    expect(kept).toMatch(new RegExp(`incr\\.aof\\.from-${after.length}$`));
    expect(Buffer.concat([after, await readFile(kept)])).toEqual(before);
    await Promise.all([master.start(), replica.start()]);
    await holds("tail", 19);
    await redis.settled();
  });

  test("damaged in the middle: emptied once its replica serves the shard and not before, and copies everything", async () => {
    const { master, replica } = await shardOf("middle");
    await fill(master, "middle", 100);
    await replica.command("CONFIG", "SET", "cluster-replica-no-failover", "yes");
    await master.kill();
    await flipAppendOnlyFile(master, "growing");
    await expect(master.start()).rejects.toThrow(/Bad file format/);
    expect((await restoreNode(redis, ["check", master.dataFolder])).said).toMatch(
      /Redis refuses to start[\s\S]*: empty/,
    );
    const words = ["empty", master.dataFolder, "--peer", runningPeer(redis).address];
    const tooEarly = await restoreNode(redis, [...words, "--apply"]);
    expect(tooEarly.said).toContain(`${replica.address} would copy its emptiness`);
    expect(tooEarly.exitCode).toBe(1);
    const dump = await archive(replica, folder);
    const older = await restoreNode(redis, ["from-archive", master.dataFolder, dump, ...words.slice(2), "--apply"]);
    expect(older).toMatchObject({ exitCode: 1, said: expect.stringContaining(`${replica.address} of this shard is`) });

    await replica.command("CONFIG", "SET", "cluster-replica-no-failover", "no");
    await waitFor("the replica is promoted", async () => (await redis.masterOf("middle")) === replica, PROMOTED_MS);
    await waitFor("the peer knows it", async () => (await restoreNode(redis, words)).exitCode === 0, PROMOTED_MS);
    await applyRestore(redis, words);
    expect((await keptBy(master)).some((file) => file.endsWith("appendonlydir"))).toBe(true);
    await master.start();
    await holds("middle", 100);
    await redis.settled();
  });

  test("both nodes damaged: the archive is served by one, copied by the other, and kept over a restart", async () => {
    const { master, replica } = await shardOf("both");
    await fill(master, "both", 50);
    const dump = await archive(master, folder);
    await fill(master, "both", 60);
    await Promise.all([master.kill(), replica.kill()]);
    for (const node of [master, replica]) await flipAppendOnlyFile(node, "base");
    await expect(master.start()).rejects.toThrow();
    await seenDead(master, replica);

    const check = await restoreNode(redis, ["check", master.dataFolder]);
    expect(check).toMatchObject({ exitCode: 1, said: expect.stringContaining("not to be mended by cutting") });
    const peer = ["--peer", runningPeer(redis).address];
    expect((await restoreNode(redis, ["empty", master.dataFolder, ...peer, "--apply"])).said).toContain("from-archive");
    const noOne = await restoreNode(redis, ["empty", replica.dataFolder, ...peer, "--apply"]);
    expect(noOne).toMatchObject({ exitCode: 1, said: expect.stringContaining("is not alive") });
    await writeFile(join(folder, "broken.rdb"), (await readFile(dump)).fill(0, 60, 80));
    const broken = ["from-archive", master.dataFolder, join(folder, "broken.rdb"), ...peer, "--apply"];
    expect((await restoreNode(redis, broken)).said).toContain("Take an older archive");

    await applyRestore(redis, ["from-archive", master.dataFolder, dump, ...peer]);
    await master.start();
    await waitFor("the archive is served", async () => (await countOf(master, "both")) === 50, PROMOTED_MS);
    const copying = ["empty", replica.dataFolder, ...peer];
    await waitFor("the peer sees it", async () => (await restoreNode(redis, copying)).exitCode === 0, PROMOTED_MS);
    await applyRestore(redis, copying);
    await replica.start();
    await holds("both", 50);
    await redis.settled();

    await fill(await redis.masterOf("both"), "both", 51);
    await Promise.all([master.terminate(), replica.terminate()]);
    await Promise.all([master.start(), replica.start()]);
    await holds("both", 51);
  });

  test("the master's machine lost and the replica damaged: the replica serves the archive, and is promoted", async () => {
    const { master, replica } = await shardOf("lost");
    await fill(master, "lost", 30);
    const dump = await archive(master, folder);
    await Promise.all([master.kill(), replica.kill()]);
    await flipAppendOnlyFile(replica, "base");
    await seenDead(master, replica);
    const peer = ["--peer", runningPeer(redis).address];
    const words = ["from-archive", replica.dataFolder, dump, ...peer];
    expect((await restoreNode(redis, words)).said).toContain(`start ${master.address} only after that, emptied`);
    await applyRestore(redis, words);
    await replica.start();
    await waitFor("it is promoted", async () => (await redis.masterOf("lost")) === replica, PROMOTED_MS);
    const emptying = ["empty", master.dataFolder, ...peer];
    await waitFor("the peer sees it", async () => (await restoreNode(redis, emptying)).exitCode === 0, PROMOTED_MS);
    await applyRestore(redis, emptying);
    await master.start();
    await holds("lost", 30);
    await redis.settled();
  });

  test("without an archive a shard starts anew, where no node of it is alive", async () => {
    const { master, replica } = await shardOf("anew");
    await fill(master, "anew", 5);
    const words = ["anew", replica.dataFolder, "--peer", master.address];
    await replica.kill();
    expect(await restoreNode(redis, [...words, "--apply"])).toMatchObject({
      exitCode: 1,
      said: expect.stringContaining(`${master.address} of this shard is alive`),
    });
    await master.kill();
    await seenDead(master, replica);
    const peer = ["--peer", runningPeer(redis).address];
    await applyRestore(redis, ["anew", master.dataFolder, ...peer]);
    await master.start();
    const emptying = ["empty", replica.dataFolder, ...peer];
    await waitFor("the peer sees it", async () => (await restoreNode(redis, emptying)).exitCode === 0, PROMOTED_MS);
    await applyRestore(redis, emptying);
    await replica.start();
    await holds("anew", 0);
    await redis.settled();
  });

  test("a folder whose manifest is gone must not be started, and a call that is wrong says so", async () => {
    const { replica } = await shardOf("alone");
    await replica.terminate();
    const manifest = join(replica.dataFolder, "appendonlydir", "appendonly.aof.manifest");
    await rename(manifest, `${manifest}.away`);
    expect((await restoreNode(redis, ["check", replica.dataFolder])).said).toContain("DO NOT START");
    await rename(`${manifest}.away`, manifest);
    await appendFile(manifest, "file appendonly.aof.99.incr.aof seq 99 type i\n");
    expect((await restoreNode(redis, ["check", replica.dataFolder])).said).toMatch(/not readable.*99\.incr\.aof/);

    const here = replica.dataFolder;
    const wrong = [
      [],
      ["heal", here],
      ["check"],
      ["check", here, "--apply"],
      ["check", here, "--now"],
      ["empty", here],
    ];
    wrong.push(
      ["empty", here, "--no-peer"],
      ["empty", here, "--peer", "nowhere"],
      ["from-archive", here],
      ["anew", here],
    );
    for (const words of wrong) expect(await restoreNode(redis, words)).toMatchObject({ exitCode: 2 });
    const nowhere = await restoreNode(redis, ["check", folder]);
    expect(nowhere).toMatchObject({ exitCode: 1, said: expect.stringContaining("there is no nodes.conf") });
    const unasked = await restoreNode(redis, ["empty", here, "--peer", "127.0.0.1:1"]);
    expect(unasked).toMatchObject({ exitCode: 1, said: expect.stringContaining("Connection refused") });
    await applyRestore(redis, ["empty", here, "--peer", runningPeer(redis).address]);
    await replica.start();
  });

  function wordsFor([command = "", option]: readonly string[], node: RedisServer): string[] {
    const file = command === "from-archive" ? [join(node.dataFolder, "dump.rdb")] : [];
    const peer = option === "--peer" ? [runningPeer(redis).address] : [];
    return [command, node.dataFolder, ...file, ...(option === undefined ? [] : [option]), ...peer];
  }

  /** A peer that has just lost sight of a node still tries, and says for a moment that it is connected. */
  async function seenDead(...nodes: readonly RedisServer[]): Promise<void> {
    const isKnown = async () => {
      const view = String(await runningPeer(redis).command("CLUSTER", "NODES")).split("\n");
      return nodes.every(({ address }) => view.some((line) => line.includes(` ${address}@`) && /fail[ ,]/.test(line)));
    };
    await waitFor("a peer knows that they are dead", isKnown, PROMOTED_MS);
  }

  /** On both nodes of its shard; which of them is the master may have changed while they were down. */
  async function holds(tag: string, count: number): Promise<void> {
    let found: number[] = [];
    const isThere = async () => {
      const { master, replica } = await shardOf(tag);
      found = await Promise.all([master, replica].map((node) => countOf(node, tag)));
      return found.every((keys) => keys === count);
    };
    await waitFor(`both nodes hold ${count} keys of ${tag}`, isThere, PROMOTED_MS).catch((late: unknown) => {
      throw new Error(`They hold ${found.join(" and ")}.`, { cause: late });
    });
  }

  async function shardOf(tag: string): Promise<{ master: RedisServer; replica: RedisServer }> {
    const master = await redis.masterOf(tag);
    return { master, replica: await waitFor("it has a replica", () => redis.replicaOf(master)) };
  }
});

/** Keys 1 to `count`, here and at the replica. */
async function fill(master: RedisServer, tag: string, count: number): Promise<void> {
  for (let key = 1; key <= count; key++) await master.command("SET", `{${tag}}${key}`, "v".repeat(40), "PX", LONG_MS);
  await master.command("WAIT", 1, PROMOTED_MS);
}

/** As this node has them itself, be it a replica. */
async function countOf(node: RedisServer, tag: string): Promise<number> {
  return ((await node.command("KEYS", `{${tag}}*`)) as string[]).length;
}

/** The dump that this node writes now, as it does once a week, archived as the runbook says. */
async function archive(node: RedisServer, folder: string): Promise<string> {
  await node.command("SAVE");
  const archives = await mkdtemp(join(folder, "archives-"));
  const [, block = ""] = /## Archive[\s\S]*?```sh\n([\s\S]*?)```/.exec(await readFile(RUNBOOK, "utf8")) ?? [];
  const env = { ...process.env, FOLDER: node.dataFolder, ARCHIVES: archives };
  await promisify(execFile)("sh", ["-euc", block], { env });
  const [archived = "none"] = await readdir(archives);
  return join(archives, archived);
}

async function growingFileOf(node: RedisServer): Promise<Buffer> {
  const folder = join(node.dataFolder, "appendonlydir");
  const name = (await readdir(folder)).findLast((file) => file.endsWith(".incr.aof")) ?? "";
  return await readFile(join(folder, name));
}

/** What lies in the folders that the script set things aside in. */
async function keptBy(node: RedisServer): Promise<string[]> {
  const asides = (await readdir(node.dataFolder)).filter((name) => name.startsWith("set-aside-"));
  const kept = await Promise.all(
    asides.map(async (aside) =>
      (await readdir(join(node.dataFolder, aside))).map((file) => join(node.dataFolder, aside, file)),
    ),
  );
  return kept.flat();
}
