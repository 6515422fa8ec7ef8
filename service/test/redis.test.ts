import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createClient } from "redis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCertificates } from "./certificates.ts";
import { type RedisCluster, type RedisNode, startCluster, startRedis } from "./redis.ts";
import { describeWith, describeWithRedis } from "./services.ts";
import { waitFor } from "./wait.ts";

describeWithRedis("one Redis server", () => {
  test("starts empty, keeps what it is told, and is gone with its folder after stop", async () => {
    const redis = await startRedis();
    await redis.command("SET", "b", 1);
    await redis.command("SET", "a", 2);
    expect(await redis.keys()).toEqual(["a", "b"]);
    await redis.stop();
    expect(redis.isRunning()).toBe(false);
    expect(existsSync(redis.folder)).toBe(false);
  });

  test("comes back empty after a kill, on the same port", async () => {
    await using redis = disposable(await startRedis());
    await redis.command("SET", "a", 1);
    await redis.kill();
    await expect(redis.command("PING")).rejects.toThrow();
    await redis.restart();
    expect(await redis.keys()).toEqual([]);
  });

  test("comes back with its data when it appends to a file", async () => {
    await using redis = disposable(await startRedis({ appendOnly: true }));
    await redis.command("SET", "a", 1);
    await redis.restart();
    expect(await redis.command("GET", "a")).toBe("1");
  });

  test("answers nothing while frozen, and everything after it is thawed", async () => {
    await using redis = disposable(await startRedis());
    await redis.command("PING");
    redis.freeze();
    let answered = false;
    const late = redis.command("INCR", "a").then((reply) => {
      answered = true;
      return reply;
    });
    await waitFor("the kernel stops it", async () => (await processState(redis)).startsWith("T"));
    expect(answered).toBe(false);
    redis.thaw();
    expect(await late).toBe(1);
  });

  test("says why when it cannot start", async () => {
    await expect(startRedis({ args: ["--no-such-setting", "1"] })).rejects.toThrow("no-such-setting");
  });

  test("refuses users that its ACL does not name", async () => {
    await using redis = disposable(await startRedis({ acl: ["user default off", "user app on >secret ~app:* +@all"] }));
    const asApp = `redis://app:secret@127.0.0.1:${redis.port}`;
    expect(await sendOnce(asApp, ["SET", "app:a", "1"])).toBe("OK");
    await expect(sendOnce(asApp, ["SET", "other", "1"])).rejects.toThrow("NOPERM");
    await expect(sendOnce(redis.url, ["PING"])).rejects.toThrow("NOAUTH");
    expect(await redis.keys()).toEqual(["app:a"]);
  });
});

describeWith(["redis-server", "openssl"], "a Redis server with TLS", () => {
  test("answers a client of its authority and no other", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-tls-"));
    const tls = await makeCertificates(folder);
    const redis = await startRedis({ tls });
    try {
      expect(await redis.command("PING")).toBe("PONG");
      await expect(sendOnce(redis.url, ["PING"])).rejects.toThrow();
      await expect(sendOnce(`redis://127.0.0.1:${redis.port}`, ["PING"])).rejects.toThrow();
    } finally {
      await redis.stop();
      await rm(folder, { recursive: true });
    }
  });
});

describeWithRedis("a Redis Cluster", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(async () => {
    await cluster.stop();
    expect(cluster.nodes.some((node) => node.isRunning())).toBe(false);
  });

  test("has three masters that own all slots, each with a replica that holds its keys", async () => {
    const owners = new Set<number>();
    for (const key of ["a", "b", "c", "d", "e", "f"]) {
      const owner = await cluster.ownerOfKey(key);
      await owner.command("SET", key, "1");
      owners.add(owner.port);
    }
    expect([...owners].sort()).toEqual(
      cluster.nodes
        .slice(0, 3)
        .map((node) => node.port)
        .sort(),
    );
    expect(await cluster.keys()).toEqual(["a", "b", "c", "d", "e", "f"]);
    for (const master of cluster.nodes.slice(0, 3)) expect(await master.command("WAIT", 1, 5_000)).toBe(1);
  });

  test("promotes the replica of a killed master, which comes back as a replica", async () => {
    const [master, , , replica] = cluster.nodes;
    if (!master || !replica) throw new Error("The cluster has fewer nodes than promised.");
    await master.kill();
    await waitFor("the replica owns slot 0", async () => String(await replica.command("ROLE")).startsWith("master"));
    await master.restart();
    await cluster.settled();
    expect(await cluster.ownerOfSlot(0)).toBe(replica);
    expect(String(await master.command("ROLE"))).toMatch(/^slave/);
  });
});

function disposable(redis: RedisNode): RedisNode & AsyncDisposable {
  return { ...redis, [Symbol.asyncDispose]: redis.stop };
}

async function processState(redis: RedisNode): Promise<string> {
  return (await promisify(execFile)("ps", ["-o", "stat=", "-p", String(redis.pid())])).stdout;
}

async function sendOnce(url: string, words: string[]): Promise<unknown> {
  const client = createClient({ url, socket: { reconnectStrategy: false } });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await client.sendCommand(words);
  } finally {
    client.destroy();
  }
}
