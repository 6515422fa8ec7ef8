// Sessions of administrators over two instances: an end is in force everywhere, whatever store is away.
// One world for all tests; the last takes its stores away.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { tenant } from "./policies.ts";
import type { ServiceProcess } from "./service-process.ts";
import { describeWith } from "./services.ts";
import { type SingleStack, SYSTEM_TEST_TIMEOUTS, startStack } from "./stack.ts";
import { waitFor } from "./wait.ts";

const PASSWORD = "plum tractor seven lamps";
const environment = {
  SLUICE_ADMIN_LOGIN: "first-admin",
  SLUICE_ADMIN_PASSWORD: PASSWORD,
  SLUICE_LOG_LEVEL: "debug",
};
/** More at once of one account would wait for its delay: see login-delays.ts. */
const LOGINS_AT_ONCE = 50;

vi.setConfig(SYSTEM_TEST_TIMEOUTS);

type Tokens = Readonly<{ accessToken: string; refreshToken: string }>;
type Answer = Readonly<{ status: number; body: Record<string, unknown> }>;

describeWith(["redis-server", "postgres"], "sessions of administrators over two instances", () => {
  let stack: SingleStack;
  let one: ServiceProcess;
  let other: ServiceProcess;
  beforeAll(async () => {
    stack = await startStack();
    await stack.put({ plans: [{ name: "FREE", limits: {} }], tenants: [tenant({ id: "acme" })] });
    const services = await stack.startMany(2, { environment });
    [one, other] = services as [ServiceProcess, ServiceProcess];
    await waitFor("the first admin", async () => (await login(one, "first-admin", PASSWORD)).status === 200);
  });
  afterAll(async () => await stack.close());

  test("signing out, disabling and deleting are in force on the other instance with the next request", async ({
    annotate,
  }) => {
    const admin = await signIn(one, "first-admin");
    const figures: number[] = [];
    for (const end of ["logout", "disable", "delete"] as const) {
      const user = await create(admin, end);
      const session = await signIn(other, end);
      for (const service of [one, other]) expect(await me(service, session)).toMatchObject({ status: 200 });
      const headers = { "if-match": `"${user.etag}"` };
      const path = `/admin/users/${user.id}`;
      const ended =
        end === "logout"
          ? await ask(one, "POST", "/admin/auth/logout", { token: session.accessToken })
          : end === "disable"
            ? await ask(one, "PATCH", path, { token: admin.accessToken, body: { disabled: true }, headers })
            : await ask(one, "DELETE", path, { token: admin.accessToken, headers });
      expect(ended.status).toBeLessThan(300);
      const endedMs = performance.now();
      // The very next request: there is nothing to wait for.
      expect(await me(other, session)).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
      figures.push(Math.round(performance.now() - endedMs));
      expect(await refreshed(other, session)).toMatchObject({ status: 401 });
    }
    await annotate(`refused on the other instance at once; the refusals took ${figures.join(", ")} ms`);
  });

  test("fifty sign in at once while checks go on, and no secret is in any log, metric or answer", async ({
    annotate,
  }) => {
    const admin = await signIn(one, "first-admin");
    const users = await Promise.all(Array.from({ length: LOGINS_AT_ONCE }, (_, n) => create(admin, `user-${n}`)));
    expect(users).toHaveLength(LOGINS_AT_ONCE);
    const startMs = performance.now();
    const answers = await Promise.all(users.map((_, n) => login(one, `user-${n}`, PASSWORD)));
    expect(answers.map(({ status }) => status)).toEqual(users.map(() => 200));
    await annotate(`${LOGINS_AT_ONCE} logins took ${Math.round(performance.now() - startMs)} ms`);

    const wrong = await login(one, "first-admin", `${PASSWORD}!`);
    const unknown = await login(one, `${PASSWORD}?`, "x");
    expect([wrong.status, unknown.status]).toEqual([401, 401]);
    expect({ ...wrong.body, traceId: "" }).toEqual({ ...unknown.body, traceId: "" });
    const secrets = [PASSWORD, ...answers.flatMap(({ body }) => [String(body.accessToken), String(body.refreshToken)])];
    const pages = [await one.metrics(), one.process.output(), JSON.stringify([wrong.body, unknown.body])];
    for (const secret of secrets) for (const page of pages) expect(page.includes(secret)).toBe(false);
  });

  test("with Redis killed the revoked stay revoked and the others work; with PostgreSQL killed nobody gets in", async () => {
    const admin = await signIn(one, "first-admin");
    await create(admin, "gone");
    const gone = await signIn(one, "gone");
    expect(await ask(one, "POST", "/admin/auth/logout", { token: gone.accessToken })).toMatchObject({ status: 204 });
    await stack.redis.kill();
    for (const service of [one, other]) {
      expect(await me(service, gone)).toMatchObject({ status: 401 });
      expect(await me(service, admin)).toMatchObject({ status: 200 });
      expect(await login(service, "first-admin", PASSWORD)).toMatchObject({ status: 200 });
    }
    await stack.postgres.kill();
    for (const service of [one, other]) {
      for (const session of [gone, admin]) {
        expect(await me(service, session)).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
      }
      expect(await login(service, "first-admin", PASSWORD)).toMatchObject({ status: 503 });
      // Checks go on, by what is in memory and by the Fallback.
      const { status } = await service.post({ tenantId: "acme", apiPath: "/", httpMethod: "GET" });
      expect(status).toBe(200);
    }
    await stack.postgres.restart();
    await waitFor("PostgreSQL is back", async () => (await me(one, admin)).status === 200);
    expect(await me(one, gone)).toMatchObject({ status: 401 });
  });

  async function create(
    { accessToken: token }: Tokens,
    loginId: string,
  ): Promise<Readonly<{ id: string; etag: string }>> {
    const body = { loginId, password: PASSWORD, role: "VIEWER" };
    const made = await ask(one, "POST", "/admin/users", { token, body });
    if (made.status !== 201) throw new Error(JSON.stringify(made));
    return { id: String(made.body.id), etag: String(made.body.etag) };
  }
});

async function ask(
  { port }: ServiceProcess,
  method: string,
  path: string,
  { token, body, headers = {} }: Readonly<{ token?: string; body?: unknown; headers?: Record<string, string> }>,
): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
}

async function login(service: ServiceProcess, loginId: string, password: string): Promise<Answer> {
  return await ask(service, "POST", "/admin/auth/login", { body: { loginId, password } });
}

async function signIn(service: ServiceProcess, loginId: string): Promise<Tokens> {
  const { status, body } = await login(service, loginId, PASSWORD);
  if (status !== 200) throw new Error(`${loginId} was not signed in: ${JSON.stringify(body)}`);
  return body as Tokens;
}

async function me(service: ServiceProcess, { accessToken: token }: Tokens): Promise<Answer> {
  return await ask(service, "GET", "/admin/auth/me", { token });
}

async function refreshed(service: ServiceProcess, { refreshToken }: Tokens): Promise<Answer> {
  return await ask(service, "POST", "/admin/auth/refresh", { body: { refreshToken } });
}
