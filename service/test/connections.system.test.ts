// How many connections real processes hold, and that the runbook which changes it does so under load without an error.
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createCaller } from "./caller.ts";
import { crowd, outcomes } from "./load.ts";
import { tenant } from "./policies.ts";
import { run } from "./postgres.ts";
import type { RedisNode } from "./redis.ts";
import type { LogLine, ServiceProcess } from "./service-process.ts";
import { describeWith } from "./services.ts";
import {
  type ClusterStack,
  type SingleStack,
  type Stack,
  SYSTEM_TEST_TIMEOUTS,
  startClusterStack,
  startStack,
} from "./stack.ts";
import { waitFor } from "./wait.ts";

const WORKERS = 2;
const CALLERS = 8;
/** A busy machine must not open a breaker, which would end connections. */
const PATIENT = { SLUICE_CHECK_DEADLINE_MS: "5000" };
const CHECK = { tenantId: "acme", apiPath: "/orders", httpMethod: "GET" };
const ADMIN = { loginId: "root", password: "correct horse battery staple" };
const RUNBOOK = new URL("../../docs/runbooks/pool-resize.md", import.meta.url);

vi.setConfig(SYSTEM_TEST_TIMEOUTS);

describeWith(["redis-server", "postgres"], "the connections of an instance", () => {
  let stack: SingleStack;
  let service: ServiceProcess;
  let totalFile: string;
  beforeAll(async () => {
    stack = await startStack();
    totalFile = join(stack.folder, "pool-total");
    await writeFile(totalFile, "12\n");
    service = await startAsked(stack, {
      ...PATIENT,
      SLUICE_DATABASE_POOL_TOTAL_FILE: totalFile,
      SLUICE_ADMIN_LOGIN: ADMIN.loginId,
      SLUICE_ADMIN_PASSWORD: ADMIN.password,
    });
  });
  afterAll(() => stack?.close());

  test("to a single Redis are one for each worker, whatever the load", async () => {
    await loaded(service, async () => expect(await clientsOf(stack.redis)).toBe(WORKERS));
  });

  test("to PostgreSQL follow the runbook under load, without an error, and a faulty total changes nothing", async () => {
    const token = await logIn(service);
    let isEnding = false;
    const failures: unknown[] = [];
    let asked = 0;
    const asking = Array.from({ length: CALLERS }, async () => {
      while (!isEnding) {
        asked += 1;
        const status = await whoAmI(service, token).catch((fault: unknown) => fault);
        if (status !== 200) failures.push(status);
      }
    });

    const rebuilt = () => service.log().filter(({ msg }) => msg === "the connection pool was rebuilt");
    // 12 are 6 for each worker, of which one listens; the last is a rebuild at the same size.
    const steps = [
      { total: 40, size: 19 },
      { total: 6, size: 2 },
      { total: 24, size: 11 },
      { total: 24, size: 11 },
    ];
    for (const [index, { total, size }] of steps.entries()) {
      const askedBefore = asked;
      await followRunbook(stack, { NEW_TOTAL: total, POOL_TOTAL_FILE: totalFile, SERVICE_PID: service.process.pid });
      await waitFor("every worker says so", () => rebuilt().length === WORKERS * (index + 1));
      expect(sizesOf(rebuilt().slice(-WORKERS))).toEqual(Array(WORKERS).fill(size));
      await waitFor("work goes on", () => asked > askedBefore + CALLERS);
      expect(await lasting(stack)).toBeLessThanOrEqual(total);
    }

    await writeFile(totalFile, "plenty\n");
    service.process.signal("SIGHUP");
    const refusals = () => service.log().filter(({ msg }) => msg === "the connection pool stays as it is");
    await waitFor("every worker refuses", () => refusals().length === WORKERS);
    expect(refusals()[0]?.faults).toContain('SLUICE_DATABASE_POOL_TOTAL is "plenty"');
    isEnding = true;
    await Promise.all(asking);
    expect(failures).toEqual([]);
    expect(rebuilt()).toHaveLength(WORKERS * steps.length);
    expect(await lasting(stack)).toBeLessThanOrEqual(24);
  });
});

describeWith(["redis-server", "postgres"], "the connections of an instance over a Redis Cluster", () => {
  let stack: ClusterStack;
  beforeAll(async () => {
    stack = await startClusterStack();
  });
  afterAll(() => stack?.close());

  test("are one for each worker and node, replicas included, though one node is named", async () => {
    const { nodes } = stack.cluster;
    const [seed] = nodes;
    const service = await startAsked(stack, { ...PATIENT, SLUICE_REDIS_URL: seed?.url ?? "" });
    await loaded(service, async () => {
      const counts = await Promise.all(nodes.map(clientsOf));
      expect(counts).toEqual(nodes.map(() => WORKERS));
      // Scripts ask masters for the time; nobody but a worker asks a replica.
      for (const replica of nodes.slice(3)) {
        await waitFor("a replica is asked for its time", async () =>
          String(await replica.command("INFO", "commandstats")).includes("cmdstat_time:"),
        );
      }
    });
  });
});

async function startAsked(stack: Stack, environment: Record<string, string>): Promise<ServiceProcess> {
  await stack.put({
    plans: [{ name: "FREE", limits: { quotaPerMonth: 1_000_000 } }],
    tenants: [tenant({ id: "acme" })],
  });
  return await stack.start({ environment: { SLUICE_WORKERS: String(WORKERS), ...environment } });
}

/** `look` runs while callers keep every worker busy. */
async function loaded(service: ServiceProcess, look: () => Promise<void>): Promise<void> {
  let calls = 0;
  let isEnding = false;
  const asking = crowd(
    CALLERS,
    () => (isEnding ? null : { service, check: CHECK }),
    () => {
      calls += 1;
    },
  );
  await waitFor("the load runs", () => calls > CALLERS * 20);
  try {
    await look();
  } finally {
    isEnding = true;
  }
  expect(outcomes(await asking)).toEqual({ OK: expect.any(Number) });
}

/** Those of the harness and of replication aside. */
async function clientsOf(node: RedisNode): Promise<number> {
  const own = await node.command("CLIENT", "ID");
  const lines = String(await node.command("CLIENT", "LIST", "TYPE", "NORMAL"))
    .trim()
    .split("\n");
  return lines.filter((line) => !line.startsWith(`id=${own} `)).length;
}

async function logIn(service: ServiceProcess): Promise<string> {
  const caller = createCaller(service.port);
  const answer = await waitFor("the first admin is there", async () => {
    const reply = await caller.post("/admin/auth/login", ADMIN);
    return reply.status === 200 && reply;
  });
  caller.close();
  return JSON.parse(answer.text).accessToken;
}

async function whoAmI(service: ServiceProcess, token: string): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${service.port}/admin/auth/me`, {
    headers: { authorization: `Bearer ${token}` },
  });
  await answer.arrayBuffer();
  return answer.status;
}

/** Every block of the runbook, one after the other in one shell that stops at the first failure. */
async function followRunbook({ postgres }: Stack, variables: Readonly<Record<string, string | number>>): Promise<void> {
  const text = await readFile(RUNBOOK, "utf8");
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block);
  expect(blocks.length).toBeGreaterThan(2);
  const given = Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)]));
  const env = {
    PATH: `${postgres.programs}:${process.env.PATH}`,
    DATABASE_URL: postgres.url("postgres"),
    ...given,
  };
  await promisify(execFile)("sh", ["-euc", blocks.join("\n")], { env });
}

async function lasting({ postgres }: Stack): Promise<number> {
  const [row] = await run(
    postgres.url("postgres"),
    "select count(*)::int as count from pg_stat_activity where application_name like 'sluice%'",
  );
  return Number(row?.count);
}

function sizesOf(lines: readonly LogLine[]): unknown[] {
  return lines.map(({ size }) => size);
}
