// The stack with TLS: the profile `prod` on it, and what the users of Redis may and may not do.
import { execFile } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Decision } from "@sluice/contract";
import { BATCH_PATH, CHECK_PATH } from "@sluice/service/check/check.http.ts";
import { createClient } from "redis";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createCaller } from "../../service/test/caller.ts";
import { policy, tenant } from "../../service/test/policies.ts";
import { describeWith } from "../../service/test/services.ts";
import { SYSTEM_TEST_TIMEOUTS } from "../../service/test/stack.ts";
import type { RedisServer, RedisUser } from "./redis-stack.ts";
import { type RunningStack, startStack } from "./stack.ts";

const SLUICE = fileURLToPath(new URL("../../cli/bin/sluice.mjs", import.meta.url));
const SERVICE = fileURLToPath(new URL("../../service/src/", import.meta.url));
const FORBIDDEN = [
  ["FLUSHALL"],
  ["FLUSHDB"],
  ["KEYS", "*"],
  ["CONFIG", "GET", "*"],
  ["CONFIG", "SET", "maxmemory", "1"],
  ["DEBUG", "SLEEP", "0"],
  ["SHUTDOWN", "NOSAVE"],
  ["SCRIPT", "FLUSH"],
  ["EVAL", "return 1", "0"],
  ["ACL", "LIST"],
  ["CLUSTER", "RESET"],
  ["CLUSTER", "FORGET", "0".repeat(40)],
  ["REPLICAOF", "NO", "ONE"],
  ["MONITOR"],
  ["GET", "somebody-else"],
  ["PUBLISH", "somewhere", "something"],
];

vi.setConfig(SYSTEM_TEST_TIMEOUTS);

describeWith(["redis-server", "postgres", "haproxy", "openssl"], "a stack with TLS", () => {
  let stack: RunningStack;
  beforeAll(async () => {
    stack = await startStack({ tls: true, instances: 1, environment: { SLUICE_CHECK_DEADLINE_MS: "5000" } });
    const policies = [
      policy({ name: "users", apiPattern: "/**", scope: "TENANT_USER_API", limits: { perMinute: 50 } }),
    ];
    const plans = [{ name: "FREE", limits: { perSecond: 1_000, quotaPerMonth: 1_000 } }];
    await stack.inForce(await stack.put({ plans, tenants: [tenant({ id: "acme" })], policies }));
  });
  afterAll(async () => await stack.close());

  test("runs in the profile prod, and refuses callers who do not prove themselves", async () => {
    const check = { tenantId: "acme", userId: "kim", apiPath: "/orders", httpMethod: "GET" };
    const stranger = createCaller(portOf(stack.balancer.url));
    expect((await stranger.post(CHECK_PATH, check)).status).toBe(401);
    stranger.close();
    const gateway = createCaller(portOf(stack.balancer.url), true, stack.checkHeaders);
    const { text } = await gateway.post(CHECK_PATH, check);
    expect(JSON.parse(text) as Decision).toMatchObject({
      reason: "OK",
      remaining: { perMinute: 49, quotaMonthly: 999 },
    });
    gateway.close();
  });

  test("the service gets along with the rights it has: no node has refused it anything", async () => {
    const gateway = createCaller(portOf(stack.balancer.url), true, stack.checkHeaders);
    const admin = await signedIn();
    const check = { tenantId: "acme", userId: "lee", apiPath: "/orders", httpMethod: "GET" };
    const checks = [{ ...check, requestId: "once" }, { ...check, requestId: "once" }, check, { ...check, cost: 51 }];
    const { text } = await gateway.post(BATCH_PATH, { checks });
    const reasons = (JSON.parse(text) as { decisions: Decision[] }).decisions.map(({ reason }) => reason);
    expect(reasons).toEqual(["OK", "OK", "OK", "RATE_LIMIT_EXCEEDED"]);
    const reset = { scope: "TENANT", reason: "asked for by the customer" };
    expect(await admin.post("/admin/tenants/acme/counters/reset", reset)).toMatchObject({ status: 200 });
    gateway.close();
    admin.close();
    expect(await refusalsOf("service")).toEqual([]);
  });

  test("the list of the service's commands has whatever it sends and its scripts call", async () => {
    const named = new Set([
      ...commandsIn("*.lua", /\bcall\('([A-Z]+)'/g),
      ...commandsIn("*.ts", /\[\s*"([A-Z]{3,})"/g),
    ]);
    expect([...named]).toEqual(expect.arrayContaining(["hincrby", "psetex", "evalsha", "cluster", "zadd"]));
    const list = (await stack.redis.nodes[0]?.command("ACL", "LIST")) as string[];
    const words = list.find((rule) => rule.startsWith("user service "))?.split(" ") ?? [];
    const allowed = new Set(words.flatMap((word) => (word.startsWith("+") ? [word.slice(1).split("|")[0]] : [])));
    expect([...named].filter((name) => !allowed.has(name))).toEqual([]);
  });

  test.for(["service", "operator"] as const)("the user %s may not wipe, list, configure, stop or spy", async (user) => {
    const client = await connectedAs(user, stack.redis.nodes[0]);
    const said = await Promise.all(
      FORBIDDEN.map(async (words) => [words.join(" "), await client.sendCommand(words).then(String, String)] as const),
    );
    client.destroy();
    expect(said.filter(([, answer]) => !/NOPERM|DEBUG command not allowed/.test(answer))).toEqual([]);
    for (const node of stack.redis.nodes) await node.command("ACL", "LOG", "RESET");
  });

  test("nobody comes in without a name, or without a certificate", async () => {
    const [node] = stack.redis.nodes;
    await expect(connectedAs(null, node)).rejects.toThrow(/NOAUTH|WRONGPASS|NOPERM/);
    const { SLUICE_REDIS_TLS_CERT_FILE: _, SLUICE_REDIS_TLS_KEY_FILE: __, ...without } = environmentOf("service");
    await expect(connectedWith(without, node)).rejects.toThrow();
  });

  test("an operator's rights are enough for the doctor, for moving slots and for a planned failover", async () => {
    const master = await stack.redis.masterOf("acme");
    const target = stack.redis.nodes.slice(0, 3).find((node) => node !== master);
    const moved = await sluice("redis", "move-slots", "--to", target?.address ?? "", "--key-tag", "acme", "--json");
    const [only] = (JSON.parse(moved) as { moved: { keys: number; copiedAhead: number }[] }).moved;
    expect(only?.copiedAhead).toBe(only?.keys);
    expect(await stack.redis.masterOf("acme")).toBe(target);
    const { findings } = JSON.parse(await sluice("doctor", "--json")) as {
      findings: { part: string; state: string }[];
    };
    expect(findings.filter(({ part, state }) => part.startsWith("redis") && state !== "ok")).toEqual([]);
    const replica = await connectedAs("operator", await stack.redis.replicaOf(master));
    expect(await replica.sendCommand(["CLUSTER", "FAILOVER"])).toBe("OK");
    replica.destroy();
    expect(await refusalsOf("operator")).toEqual([]);
  });

  test("closing leaves no process and no folder behind", async () => {
    const { redis, postgres, instances, balancer } = stack;
    const pids = [...redis.nodes, ...postgres.nodes, ...instances, balancer].map((part) => part.pid());
    redis.nodes[0]?.freeze();
    instances[0]?.freeze();
    await stack.close();
    expect(pids).toHaveLength(9);
    expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    expect(existsSync(stack.folder)).toBe(false);
  });

  async function signedIn() {
    const port = portOf(stack.balancer.adminUrl);
    const door = createCaller(port);
    const { text } = await door.post("/admin/auth/login", stack.secrets.admin);
    door.close();
    const { accessToken } = JSON.parse(text) as { accessToken: string };
    return createCaller(port, true, { authorization: `Bearer ${accessToken}` });
  }

  const environmentOf = (user: RedisUser) => stack.redis.environmentOf(user);

  async function sluice(...words: string[]): Promise<string> {
    const env = { PATH: process.env.PATH ?? "", ...environmentOf("operator") };
    // The doctor's exit code says again what it found wrong: here counts what it printed.
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [SLUICE, ...words], { env }).catch(
      (fault: { stdout: string; stderr: string }) => fault,
    );
    if (stdout === "") throw new Error(`sluice ${words.join(" ")} printed nothing. It said:\n${stderr}`);
    return stdout;
  }

  const connectedAs = (user: RedisUser | null, node: RedisServer | undefined) => {
    const { SLUICE_REDIS_USERNAME: _, SLUICE_REDIS_PASSWORD: __, ...nameless } = environmentOf("service");
    return connectedWith(user === null ? nameless : environmentOf(user), node);
  };

  async function connectedWith(environment: Readonly<Record<string, string>>, node: RedisServer | undefined) {
    const file = (name: string) => (environment[name] === undefined ? undefined : readFileSync(environment[name]));
    const [host = "", port = ""] = node?.address.split(":") ?? [];
    const { SLUICE_REDIS_USERNAME: username, SLUICE_REDIS_PASSWORD: password } = environment;
    const client = createClient({
      RESP: 2,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      socket: {
        host,
        port: Number(port),
        reconnectStrategy: false,
        tls: true,
        ca: file("SLUICE_REDIS_TLS_CA_FILE"),
        cert: file("SLUICE_REDIS_TLS_CERT_FILE"),
        key: file("SLUICE_REDIS_TLS_KEY_FILE"),
      },
    });
    client.on("error", () => undefined);
    await client.connect();
    await client.ping();
    return client;
  }

  /** What nodes have refused this user, as they log it: `+command` or key. */
  async function refusalsOf(user: RedisUser): Promise<string[]> {
    const logs = await Promise.all(stack.redis.nodes.map((node) => node.command("ACL", "LOG")));
    return logs.flatMap((log) =>
      (log as string[][]).filter((entry) => entry.includes(user)).map((entry) => entry.join(" ")),
    );
  }
});

/** Words that stand where commands do, in the files that talk to Redis. */
function commandsIn(files: string, words: RegExp): string[] {
  const isOurs = (file: string) => file.endsWith(".lua") || /\.redis\.ts$|counters\/[a-z-]+-arguments\.ts$/.test(file);
  return globSync(`**/${files}`, { cwd: SERVICE })
    .filter((file) => isOurs(file))
    .flatMap((file) => [...readFileSync(join(SERVICE, file), "utf8").matchAll(words)])
    .map(([, name = ""]) => name.toLowerCase());
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
