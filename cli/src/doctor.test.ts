import { afterAll, beforeAll, expect, test } from "vitest";
import { startPostgres, type TestPostgres } from "../../service/test/postgres.ts";
import { type RedisCluster, startCluster, startRedis } from "../../service/test/redis.ts";
import { describeWith, describeWithRedis } from "../../service/test/services.ts";
import { runForTest } from "../test/run.ts";
import type { Finding } from "./doctor/finding.ts";

describeWithRedis("sluice doctor on Redis", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.stop());

  test("a healthy cluster has nothing to complain about, on any node", async () => {
    const { exitCode, findings } = await examine("--redis", cluster.url);
    expect(exitCode).toBe(0);
    expect(findings.filter(({ part, state }) => part !== "postgres" && state !== "ok")).toEqual([]);
    for (const node of cluster.nodes) {
      const checks = findings.filter(({ part }) => part === `redis 127.0.0.1:${node.port}`).map(({ check }) => check);
      expect(checks).toEqual(["reachable", "version", "eviction", "clock", "open slots"]);
    }
  });

  test("an open slot is found on both of its nodes", async () => {
    const [source, target] = cluster.nodes;
    const [sourceId, targetId] = [
      String(await source?.command("CLUSTER", "MYID")),
      String(await target?.command("CLUSTER", "MYID")),
    ];
    await target?.command("CLUSTER", "SETSLOT", 5, "IMPORTING", sourceId);
    await source?.command("CLUSTER", "SETSLOT", 5, "MIGRATING", targetId);
    const { exitCode, findings } = await examine("--redis", cluster.url);
    for (const node of [source, target]) await node?.command("CLUSTER", "SETSLOT", 5, "STABLE");
    expect(exitCode).toBe(1);
    const open = findings.filter(({ check, state }) => check === "open slots" && state === "fail");
    expect(open.map(({ detail }) => detail.split(" ", 2).join(" ")).sort()).toEqual(["5 (from", "5 (to"]);
  });

  test("an evicting server is a failure, and a missing one is unreachable", async () => {
    const redis = await startRedis({ args: ["--maxmemory-policy", "allkeys-lru"] });
    const evicting = await examine("--redis", redis.url);
    await redis.stop();
    expect(evicting.exitCode).toBe(1);
    expect(evicting.findings.find(({ check }) => check === "eviction")).toMatchObject({ state: "fail" });
    const missing = await examine("--redis", redis.url);
    expect(missing.exitCode).toBe(69);
  });
});

describeWith(["postgres"], "sluice doctor and migrate on PostgreSQL", () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.stop());

  test("pending migrations are a failure until sluice migrate has run", async () => {
    const url = await postgres.emptyDatabase();
    const before = await examine("--database", url);
    expect(before.exitCode).toBe(1);
    expect(before.findings.find(({ check }) => check === "migrations")).toMatchObject({ state: "fail" });
    const listed = await runForTest(["migrate", "--database", url, "--pending"]);
    const applied = await runForTest(["migrate", "--database", url]);
    expect(JSON.parse(applied.data).applied).toEqual(JSON.parse(listed.data).pending);
    const after = await examine("--database", url);
    expect(after.exitCode).toBe(0);
    expect(after.findings.filter(({ part }) => part === "postgres").map(({ state }) => state)).toEqual([
      "ok",
      "ok",
      "ok",
      "ok",
    ]);
  });

  test("migrate says who was refused and what cannot be reached", async () => {
    const wrong = (await postgres.emptyDatabase()).replace("postgres@", "nobody@");
    expect(await runForTest(["migrate", "--database", wrong])).toMatchObject({ exitCode: 3 });
    expect(await runForTest(["migrate", "--database", "postgres://127.0.0.1:1/x"])).toMatchObject({ exitCode: 69 });
    expect(await runForTest(["migrate", "--database", "mysql://127.0.0.1/x"])).toMatchObject({ exitCode: 2 });
    expect(await runForTest(["migrate"])).toMatchObject({ exitCode: 2 });
  });
});

async function examine(...words: string[]): Promise<{ exitCode: number; findings: Finding[] }> {
  const { exitCode, data } = await runForTest(["doctor", ...words]);
  return { exitCode, findings: (JSON.parse(data) as { findings: Finding[] }).findings };
}
