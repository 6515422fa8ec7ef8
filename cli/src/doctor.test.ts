import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SCRIPTS } from "../../service/src/counters/scripts.redis.ts";
import { makeCertificates } from "../../service/test/certificates.ts";
import { claimPort } from "../../service/test/ports.ts";
import { startPostgres, type TestPostgres } from "../../service/test/postgres.ts";
import { type RedisCluster, startCluster, startRedis } from "../../service/test/redis.ts";
import { describeWith, describeWithRedis } from "../../service/test/services.ts";
import { waitFor } from "../../service/test/wait.ts";
import { runForTest } from "../test/run.ts";
import { certificateFindings } from "./doctor/certificate-findings.ts";
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
      const isMaster = String(await node.command("ROLE")).startsWith("master");
      const scripts = isMaster ? ["scripts"] : [];
      expect(checks).toEqual(["reachable", "version", "eviction", "clock", ...scripts, "open slots"]);
    }
  });

  test("a slot that is open only while it is being moved is no fault", async () => {
    // Not the seed: this one is asked for its nodes only to see what it has open.
    const [, source, target] = cluster.nodes;
    const looks = async () =>
      /cmdstat_cluster\|nodes:calls=(\d+)/.exec(String(await source?.command("INFO", "commandstats")))?.[1];
    const before = await looks();
    await source?.command("CLUSTER", "SETSLOT", 6_000, "MIGRATING", String(await target?.command("CLUSTER", "MYID")));
    const examined = examine("--redis", cluster.url);
    await waitFor("the doctor has seen it", async () => (await looks()) !== before);
    await source?.command("CLUSTER", "SETSLOT", 6_000, "STABLE");
    const { exitCode, findings } = await examined;
    expect(exitCode).toBe(0);
    const about = findings.filter(({ check, detail }) => check === "open slots" && detail.includes("being moved"));
    expect(about).toMatchObject([{ part: `redis 127.0.0.1:${source?.port}`, state: "ok" }]);
  });

  test("scripts of another release are remarked on", async () => {
    const redis = await startRedis();
    const scriptsOn = async () =>
      (await examine("--redis", redis.url)).findings.find(({ check }) => check === "scripts");
    const [first, ...rest] = SCRIPTS.map(({ text }) => text);
    expect(await scriptsOn()).toMatchObject({ state: "ok", detail: expect.stringContaining("as it connects") });
    await redis.command("SCRIPT", "LOAD", first ?? "");
    expect(await scriptsOn()).toMatchObject({
      state: "warn",
      detail: expect.stringContaining(`1 of ${SCRIPTS.length}`),
    });
    for (const text of rest) await redis.command("SCRIPT", "LOAD", text);
    expect(await scriptsOn()).toMatchObject({ state: "ok", detail: `${SCRIPTS.length} of ${SCRIPTS.length} loaded` });
    await redis.stop();
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
    const found = after.findings.filter(({ part }) => part === "postgres");
    expect(found.map(({ check, state }) => `${check} ${state}`)).toEqual([
      "reachable ok",
      "version ok",
      "clock ok",
      "connections ok",
      "migrations ok",
    ]);
  });

  test("a server that admits fewer connections than all instances may open is a failure", async () => {
    const url = await postgres.migratedDatabase();
    const { exitCode, findings } = await examineWith({ SLUICE_DATABASE_URL: url, SLUICE_DATABASE_POOL_TOTAL: "40" });
    expect(exitCode).toBe(1);
    const about = findings.find(({ check }) => check === "connections");
    expect(about).toMatchObject({ state: "fail", detail: expect.stringMatching(/max_connections is 60, .* need 100/) });
  });

  test("migrate says who was refused and what cannot be reached", async () => {
    const wrong = (await postgres.emptyDatabase()).replace("postgres@", "nobody@");
    expect(await runForTest(["migrate", "--database", wrong])).toMatchObject({ exitCode: 3 });
    expect(await runForTest(["migrate", "--database", "postgres://127.0.0.1:1/x"])).toMatchObject({ exitCode: 69 });
    expect(await runForTest(["migrate", "--database", "mysql://127.0.0.1/x"])).toMatchObject({ exitCode: 2 });
    expect(await runForTest(["migrate"])).toMatchObject({ exitCode: 2 });
  });
});

describeWith(["openssl"], "sluice doctor on certificates", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-doctor-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("one that ends soon is remarked on", async () => {
    const files = await makeCertificates(folder);
    const { exitCode, findings } = await examineWith({
      SLUICE_TLS_CERT_FILE: files.serverCertFile,
      SLUICE_TLS_KEY_FILE: files.serverKeyFile,
      SLUICE_TLS_CLIENT_CA_FILE: files.caFile,
    });
    expect(exitCode).toBe(0);
    const about = findings.filter(({ part }) => part === "certificates");
    expect(about).toMatchObject([
      { check: "SLUICE_TLS_CERT", state: "warn", detail: expect.stringContaining("CN=localhost") },
      { check: "SLUICE_TLS_CLIENT_CA", state: "warn" },
    ]);
  });

  test("one that ended or has not begun is a failure, and one with time left is fine", async () => {
    const { serverCertFile } = await makeCertificates(folder);
    const pem = readFileSync(serverCertFile, "utf8");
    const at = (days: number) =>
      certificateFindings("X", pem, Date.now() + days * 86_400_000).map(({ state }) => state);
    expect([at(3), at(-1), at(0)]).toEqual([["fail"], ["fail"], ["warn"]]);
    expect(certificateFindings("X", pem + pem, Date.now())).toHaveLength(2);
    expect(certificateFindings("X", "nothing", Date.now())).toMatchObject([{ state: "fail" }]);
  });
});

test("every setting that a service would refuse is a failure, and one that it does not know a remark", async () => {
  const { exitCode, findings } = await examineWith({ SLUICE_WORKERS: "none", SLUICE_FALLBACK: "PERHAPS" });
  expect(exitCode).toBe(1);
  const failed = findings.filter(({ state }) => state === "fail").map(({ check }) => check);
  expect(failed).toEqual(expect.arrayContaining(["SLUICE_WORKERS", "SLUICE_FALLBACK"]));
  const unknown = await examineWith({ SLUICE_FALBACK: "ALLOW_ALL", SLUICE_TOKEN: "ours" });
  expect(unknown.exitCode).toBe(0);
  const remarks = unknown.findings.filter(({ part, state }) => part === "settings" && state === "warn");
  expect(remarks.map(({ check }) => check)).toEqual(["SLUICE_FALBACK"]);
});

test("a port that another program took is remarked on, and a free one is fine", async () => {
  const [free, taken] = [await claimPort(), await claimPort()];
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(taken, "127.0.0.1", resolve));
  const { findings } = await examineWith({ SLUICE_PORT: String(taken), SLUICE_ADMIN_PORT: String(free) });
  await new Promise<void>((resolve) => server.close(() => resolve()));
  expect(findings.filter(({ part }) => part === "ports")).toMatchObject([
    { check: "SLUICE_PORT", state: "warn", detail: expect.stringContaining("is taken") },
    { check: "SLUICE_ADMIN_PORT", state: "ok", detail: expect.stringContaining("is free") },
  ]);
});

/** Ports that are chosen at the start cannot be examined, so other programs of this machine do not matter. */
const NO_PORTS = { SLUICE_PORT: "0", SLUICE_OPS_PORT: "0" };

async function examine(...words: string[]) {
  return await examineWith({}, words);
}

async function examineWith(
  environment: Record<string, string>,
  words: readonly string[] = [],
): Promise<{ exitCode: number; findings: Finding[] }> {
  const { exitCode, data } = await runForTest(["doctor", ...words], { ...NO_PORTS, ...environment });
  return { exitCode, findings: (JSON.parse(data) as { findings: Finding[] }).findings };
}
