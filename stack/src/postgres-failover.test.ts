// A primary's whole machine killed, and what must not count as a death, under a service that administers and checks.
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCaller, type Reply } from "../../service/test/caller.ts";
import { makeCertificates } from "../../service/test/certificates.ts";
import { outcomes, steadyLoad } from "../../service/test/load.ts";
import { type ServiceProcess, startService } from "../../service/test/service-process.ts";
import { describeWith } from "../../service/test/services.ts";
import { waitFor } from "../../service/test/wait.ts";
import { type PostgresFailover, startPostgresFailover } from "./postgres-failover.ts";
import { SERVICE_ROLE } from "./postgres-stack.ts";

const LOGIN = { loginId: "first-admin", password: "plum tractor seven lamps" };
const CHECKS_PER_SECOND = 50;
const WRITES_AROUND = 10;
/** Far above what it takes, which is annotated; more is a promotion that does not come. */
const MOST_UNWRITABLE_MS = 30_000;
/** Shorter than the timer that looks without a notification, so three in a row are no luck of it. */
const NOTIFIED_MS = 2_000;
/** A machine that stands still for so long keeps its office. */
const SHORT_FREEZE_MS = 2_000;

describeWith(["pg_autoctl", "postgres", "openssl"], "a PostgreSQL that fails over, with TLS", () => {
  let folder: string;
  let postgres: PostgresFailover;
  let service: ServiceProcess;
  let admin: Admin;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-failover-"));
    await chmod(folder, 0o711);
    await mkdir(join(folder, "certificates"));
    const certificates = await makeCertificates(join(folder, "certificates"));
    postgres = await startPostgresFailover({ folder, certificates });
    service = await startService({
      SLUICE_WORKERS: "1",
      SLUICE_DATABASE_URL: postgres.url,
      SLUICE_MIGRATE_DATABASE_URL: postgres.ownerUrl,
      SLUICE_SERVICE_DATABASE_ROLE: SERVICE_ROLE,
      SLUICE_DATA_DIR: join(folder, "data"),
      SLUICE_ADMIN_LOGIN: LOGIN.loginId,
      SLUICE_ADMIN_PASSWORD: LOGIN.password,
    });
    admin = await signIn(service);
  }, 90_000);
  afterAll(async () => {
    await service?.stop();
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("its primary's machine killed: nothing acknowledged is lost, and the service writes on without a restart", async ({
    annotate,
  }) => {
    expect((await admin.createPlan("FREE")).status).toBe(201);
    expect((await admin.createTenant("acme", "FREE")).status).toBe(201);
    await waitFor("acme is known", async () => (await check(service)).reason === "OK");
    const load = steadyLoad(CHECKS_PER_SECOND, () => ({ service, check: CHECK }));
    const writer = startWriter(admin, "killed");
    await waitFor("some writes", () => writer.done().length >= WRITES_AROUND);

    const killedMs = performance.now();
    await (await postgres.primary()).kill();
    const after = () => writer.done().filter(({ atMs }) => atMs > killedMs + 100);
    await waitFor("writes again", () => after().length >= WRITES_AROUND, MOST_UNWRITABLE_MS);
    await writer.stop();
    const [firstAfter] = after();
    await annotate(`written again ${Math.round((firstAfter?.atMs ?? 0) - killedMs)} ms after the kill`);

    const figures: number[] = [];
    for (const name of ["a", "b", "c"]) {
      const answer = await admin.createPlan(`after-${name}`);
      const atMs = performance.now();
      const version = await versionAfter(postgres, answer);
      await waitFor("it is in force", async () => (await check(service)).policyVersion >= version, NOTIFIED_MS);
      figures.push(Math.round(performance.now() - atMs));
    }
    await annotate(`changes were in force ${figures.join(", ")} ms after they were answered`);

    const rows = await postgres.sql("select name from plans");
    const kept = new Set(rows.map(({ name }) => name));
    expect(writer.done().filter(({ name }) => !kept.has(name))).toEqual([]);
    expect(new Set(writer.refused())).toEqual(new Set([503]));
    const journal = await load.stop();
    expect(outcomes(journal)).toEqual({ OK: journal.length });
    const dead = postgres.nodes.find((node) => !node.isRunning());
    await dead?.start();
    await postgres.settled();
  }, 90_000);

  test("its primary's machine silent, its connections open: the service leaves them, and the old one comes back as standby", async ({
    annotate,
  }) => {
    const primary = await postgres.primary();
    const writer = startWriter(admin, "silent");
    await waitFor("some writes", () => writer.done().length >= WRITES_AROUND);
    primary.freeze();
    const frozenMs = performance.now();
    const after = () => writer.done().filter(({ atMs }) => atMs > frozenMs + 100);
    await waitFor("writes again", () => after().length >= WRITES_AROUND, MOST_UNWRITABLE_MS);
    await writer.stop();
    await annotate(`written again ${Math.round((after()[0]?.atMs ?? 0) - frozenMs)} ms after it fell silent`);
    primary.thaw();
    await postgres.settled();
    expect((await postgres.primary()).name).not.toBe(primary.name);
    const kept = new Set((await postgres.sql("select name from plans")).map(({ name }) => name));
    expect(writer.done().filter(({ name }) => !kept.has(name))).toEqual([]);
  }, 90_000);

  test("no death: its postmaster killed, its machine frozen for a moment, its monitor killed", async ({ annotate }) => {
    const primary = await postgres.primary();
    const writtenAgainMs = async (name: string) => {
      const beganMs = performance.now();
      await waitFor(name, async () => (await admin.createPlan(name)).status === 201, MOST_UNWRITABLE_MS);
      return Math.round(performance.now() - beganMs);
    };
    await primary.killPostmaster();
    await annotate(`postmaster killed: written again after ${await writtenAgainMs("postmaster")} ms`);

    primary.freeze();
    await pause(SHORT_FREEZE_MS);
    primary.thaw();
    await annotate(`frozen for ${SHORT_FREEZE_MS} ms: written again after ${await writtenAgainMs("frozen")} ms`);

    await postgres.monitor.kill();
    await annotate(`monitor killed: written after ${await writtenAgainMs("monitor")} ms`);
    await postgres.monitor.start();
    await postgres.settled();
    expect((await postgres.primary()).name).toBe(primary.name);
  }, 90_000);

  test("its standby frozen: changes wait, then go on without it, which a metric tells", async ({ annotate }) => {
    const primary = await postgres.primary();
    const standby = postgres.nodes.find(({ name }) => name !== primary.name);
    const reads = async (line: string) => (await service.metrics()).includes(`\nsluice_postgres_${line}\n`);
    await waitFor("it is told that commits are on both", () => reads("synchronous 1"));
    standby?.freeze();
    const frozenMs = performance.now();
    await waitFor("a write", async () => (await admin.createPlan("alone")).status === 201, MOST_UNWRITABLE_MS);
    await annotate(`written without the standby ${Math.round(performance.now() - frozenMs)} ms after it was frozen`);
    await waitFor("it is told that commits are on one only", () => reads("synchronous 0"));
    standby?.thaw();
    await postgres.settled();
    await waitFor("it is told that commits are on both again", () => reads("synchronous 1"));
    expect((await postgres.primary()).name).toBe(primary.name);
  }, 90_000);
});

const CHECK = { tenantId: "acme", apiPath: "/orders", httpMethod: "GET" };

function check(service: ServiceProcess) {
  return service.ask({ ...CHECK, cost: 0 });
}

async function versionAfter(postgres: PostgresFailover, { status }: Reply): Promise<number> {
  expect(status).toBe(201);
  const [row] = await postgres.sql("select version::int from policy_version");
  return Number(row?.version);
}

type Admin = Awaited<ReturnType<typeof signIn>>;

async function signIn(service: ServiceProcess) {
  const anonymous = createCaller(service.port);
  // Not by trying: what fails too often is slowed down.
  await waitFor(
    "the first admin",
    () => service.log().some(({ msg }) => msg === "the first admin was created"),
    30_000,
  );
  const { text } = await anonymous.post("/admin/auth/login", LOGIN);
  anonymous.close();
  const authorization = `Bearer ${JSON.parse(text).accessToken}`;
  /** A key of its own makes it safe to send again. */
  const post = async (path: string, body: unknown, key: string) => {
    const caller = createCaller(service.port, false, { authorization, "idempotency-key": key });
    return await caller.post(path, body).finally(caller.close);
  };
  const createPlan = (name: string) => post("/admin/plans", { name, limits: { perSecond: 1_000_000 } }, name);
  return {
    createPlan,
    createTenant: (id: string, plan: string) => post("/admin/tenants", { id, name: id, plan }, id),
  };
}

type Write = Readonly<{ name: string; atMs: number }>;

/** One plan after the other; each is sent again with the same key until it is acknowledged. */
function startWriter(admin: Admin, prefix: string) {
  const done: Write[] = [];
  const refused: number[] = [];
  let isStopped = false;
  const write = async () => {
    for (let number = 1; !isStopped; ) {
      const name = `${prefix}-${number}`;
      const status = await admin.createPlan(name).then(
        (reply) => reply.status,
        () => 0,
      );
      if (status === 201) {
        done.push({ name, atMs: performance.now() });
        number += 1;
      } else {
        refused.push(status);
        await pause(50);
      }
    }
  };
  const writing = write();
  return {
    done: () => done,
    refused: () => refused,
    stop: async () => {
      isStopped = true;
      await writing;
    },
  };
}
