// A credential made through the Admin API of one instance holds on both, and so does its end.
// One world for all tests: the first needs a database without a credential, the last leaves none of the stores.
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { digestOfSecret } from "../src/auth/service-credential-secret.ts";
import { tenant } from "./policies.ts";
import { run } from "./postgres.ts";
import type { ServiceProcess } from "./service-process.ts";
import { describeWith } from "./services.ts";
import { type SingleStack, SYSTEM_TEST_TIMEOUTS, startStack } from "./stack.ts";
import { waitFor } from "./wait.ts";

const LOGIN = { loginId: "first-admin", password: "plum tractor seven lamps" };
const CONFIGURED = "configured-credential-0001";
const PATH = "/admin/service-credentials";
/** The promise is 1 s; the figure is told. What must not be reached here is the poll that makes up for lost notifications. */
const IN_FORCE_MS = 3_000;
const OVERLAP_MS = 4_000;
const environment = {
  SLUICE_SERVICE_AUTH: "credential",
  SLUICE_SERVICE_CREDENTIALS: CONFIGURED,
  SLUICE_ADMIN_LOGIN: LOGIN.loginId,
  SLUICE_ADMIN_PASSWORD: LOGIN.password,
  SLUICE_CHECK_DEADLINE_MS: "5000",
  SLUICE_LOG_LEVEL: "debug",
};

type Credential = Readonly<{ id: string; etag: string; secret: string }>;
type Answer = Readonly<{ status: number; body: unknown }>;

vi.setConfig(SYSTEM_TEST_TIMEOUTS);

describeWith(["redis-server", "postgres"], "service credentials over two instances", () => {
  let stack: SingleStack;
  let folders: readonly string[];
  let services: readonly ServiceProcess[];
  let token: string;
  beforeAll(async () => {
    stack = await startStack();
    await stack.put({ plans: [{ name: "FREE", limits: {} }], tenants: ["acme", "globex"].map((id) => tenant({ id })) });
    folders = await Promise.all([1, 2].map(() => mkdtemp(join(stack.folder, "kept-"))));
    services = await Promise.all(folders.map((dataDir) => stack.start({ environment, dataDir })));
    token = await waitFor("the first admin", signIn);
  });
  afterAll(async () => await stack.close());

  test("where none is configured, checks are refused and the log says how to make one, until the database holds one", async () => {
    const withoutAny = { ...environment, SLUICE_SERVICE_CREDENTIALS: "" };
    const noticesOf = ({ log }: ServiceProcess) =>
      log().filter(({ fix }) => String(fix).includes("credentials create"));
    const early = await stack.start({ environment: withoutAny });
    await waitFor("the log says it", () => noticesOf(early).length > 0);
    expect(await check(early, CONFIGURED)).toBe(401);

    const { id, secret } = await create({ name: "gateway" });
    await waitFor("it is accepted", async () => (await check(early, secret)) === 200, IN_FORCE_MS);
    await early.stop();
    // Written once a minute, and at the end.
    const { body } = await admin("GET", `${PATH}/${id}`, {});
    expect(body).toMatchObject({ lastUsedAt: expect.stringMatching(/^20/) });
    const later = await stack.start({ environment: withoutAny });
    await waitFor("it is accepted", async () => (await check(later, secret)) === 200, IN_FORCE_MS);
    expect([noticesOf(early).length, noticesOf(later).length]).toEqual([1, 0]);
  });

  test("one is accepted on both, rotated with an overlap, and refused on both once revoked", async ({ annotate }) => {
    const created = await create({ name: "rotated", tenants: ["acme"] });
    const figures = [await inForce("the new one is accepted", created.secret, 200)];
    for (const service of services) {
      expect(await check(service, created.secret, "globex")).toBe(403);
      expect(await check(service, CONFIGURED)).toBe(200);
    }

    const rotated = await rotate(created, {});
    figures.push(await inForce("the rotated one is accepted", rotated.secret, 200));
    for (const service of services) expect(await check(service, created.secret)).toBe(200);
    const cut = await rotate({ ...created, etag: rotated.etag }, { overlapMs: 0 });
    figures.push(await inForce("the one before is refused", rotated.secret, 401));
    for (const service of services) {
      expect([await check(service, created.secret), await check(service, cut.secret)]).toEqual([401, 200]);
    }

    const headers = { "if-match": `"${cut.etag}"` };
    expect(await admin("DELETE", `${PATH}/${created.id}`, { headers })).toMatchObject({ status: 204 });
    figures.push(await inForce("the revoked one is refused", cut.secret, 401));
    for (const service of services) expect(await check(service, CONFIGURED)).toBe(200);
    await annotate(`in force on both instances ${figures.join(", ")} ms after the answer to its author`);
  });

  test("a secret is in no log, metric, file or row", async () => {
    const created = await create({ name: "untold" });
    const rotated = await rotate(created, {});
    const secrets = [created.secret, rotated.secret];
    for (const secret of secrets) await inForce("it is accepted", secret, 200);
    for (const service of services) {
      expect(await check(service, `${rotated.secret}x`)).toBe(401);
      expect(await check(service, rotated.secret, "nobody")).toBe(200);
    }
    const metricsOf = async () => (await services[0]?.metrics()) ?? "";
    await waitFor("a checkpoint has left", async () =>
      (await metricsOf()).includes("sluice_audit_vouched_age_seconds "),
    );
    const [file = ""] = folders;
    await waitFor("the snapshot file holds it", async () => holds(rotated.secret)(await snapshotText(file)));
    const [row] = await run(stack.databaseUrl, "select database_to_xml(true, false, '')::text as everything");
    const texts = [String(row?.everything)];
    for (const service of services) texts.push(service.process.output(), await service.metrics());
    for (const folder of folders) {
      for (const entry of await readdir(folder, { withFileTypes: true })) {
        if (entry.isFile()) texts.push(await readFile(join(folder, entry.name), "utf8"));
      }
    }
    expect(texts[0]).toContain("credential.rotate");
    for (const text of texts) for (const secret of secrets) expect(text).not.toContain(secret.slice(-43));
  });

  test("without PostgreSQL and Redis it is known at a start, and ends by the clock", async () => {
    const kept = await create({ name: "kept" });
    const revoked = await create({ name: "revoked" });
    const headers = { "if-match": `"${revoked.etag}"` };
    expect(await admin("DELETE", `${PATH}/${revoked.id}`, { headers })).toMatchObject({ status: 204 });
    const ending = await create({ name: "ending", expiresAt: new Date(Date.now() + OVERLAP_MS).toISOString() });
    const rotated = await rotate(kept, { overlapMs: OVERLAP_MS });
    const secrets = [rotated.secret, kept.secret, ending.secret];
    await waitFor("both snapshot files hold them", async () => {
      const texts = await Promise.all(folders.map(snapshotText));
      return texts.every((text) => secrets.every((secret) => holds(secret)(text)) && !holds(revoked.secret)(text));
    });
    await Promise.all([stack.postgres.kill(), stack.redis.kill()]);

    const [first, second] = services;
    await first?.stop();
    const restarted = await stack.start({ environment, dataDir: folders[0] ?? "" });
    for (const service of [restarted, second ?? restarted]) {
      expect(await check(service, rotated.secret)).toBe(200);
      expect(await check(service, revoked.secret)).toBe(401);
      for (const secret of [kept.secret, ending.secret]) {
        await waitFor("it has ended", async () => (await check(service, secret)) === 401, 2 * OVERLAP_MS);
      }
      expect(await check(service, rotated.secret)).toBe(200);
    }
  });

  async function signIn(): Promise<string | null> {
    const { status, body } = await call(services[0], "POST", "/admin/auth/login", LOGIN, {});
    return status === 200 ? (body as { accessToken: string }).accessToken : null;
  }

  async function create(body: object): Promise<Credential> {
    const answer = await admin("POST", PATH, { body, headers: { "idempotency-key": JSON.stringify(body) } });
    expect(answer.status).toBe(201);
    return answer.body as Credential;
  }

  async function rotate({ id, etag }: Credential, body: object): Promise<Credential> {
    const answer = await admin("POST", `${PATH}/${id}/rotate`, { body, headers: { "if-match": `"${etag}"` } });
    expect(answer.status).toBe(200);
    return answer.body as Credential;
  }

  /** Through the first instance. */
  function admin(
    method: string,
    path: string,
    { body, headers = {} }: Readonly<{ body?: object; headers?: Readonly<Record<string, string>> }>,
  ): Promise<Answer> {
    return call(services[0], method, path, body, { authorization: `Bearer ${token}`, ...headers });
  }

  /** Milliseconds until every instance answers a check with this credential so. */
  async function inForce(what: string, secret: string, status: number): Promise<number> {
    const sinceMs = performance.now();
    const answered = async (service: ServiceProcess) => (await check(service, secret)) === status;
    await Promise.all(services.map((service) => waitFor(what, () => answered(service), IN_FORCE_MS)));
    return Math.round(performance.now() - sinceMs);
  }
});

async function check(service: ServiceProcess, secret: string, tenantId = "acme"): Promise<number> {
  const body = { tenantId, apiPath: "/orders", httpMethod: "GET" };
  return (await call(service, "POST", "/internal/rate-limit/check", body, { "x-service-auth": secret })).status;
}

async function call(
  service: ServiceProcess | undefined,
  method: string,
  path: string,
  body: object | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  if (service === undefined) throw new Error("There is no service.");
  const reply = await fetch(`http://127.0.0.1:${service.port}${path}`, {
    method,
    headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await reply.text();
  return { status: reply.status, body: text === "" ? null : JSON.parse(text) };
}

async function snapshotText(folder: string): Promise<string> {
  const path = join(folder, "policies.snapshot");
  return existsSync(path) ? await readFile(path, "utf8") : "";
}

/** By its digest alone. */
function holds(secret: string): (text: string) => boolean {
  return (text) => text.includes(digestOfSecret(secret));
}
