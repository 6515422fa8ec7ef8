import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { createAdminDoor } from "../admin/admin.http.ts";
import type { AdminTables } from "../admin/admin-tables.ts";
import { openPostgres } from "../platform/postgres.ts";
import { createTraceIds } from "../platform/trace.ts";
import { codeOf, MINUTE_MS, NOON_MS, openAuthWorld, PASSWORD, SECOND_MS } from "./auth.world.ts";
import { authenticate } from "./authenticate.pg.ts";
import { sessionRoutes } from "./session.admin.ts";

const NEW_PASSWORD = "seven lamps on one tractor";
const ELSEWHERE = "198.51.100.7";
/** Of an account: login-delays.ts. */
const FREE_FAILURES = 10;

describeWithPostgres("changing one's own password", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  /** The real door with real sessions, at an instant that a test chooses. */
  async function open() {
    const url = await server.migratedDatabase();
    const auth = await openAuthWorld(url);
    const postgres = openPostgres<AdminTables>({ url, poolSize: 4 });
    const clock = { nowMs: NOON_MS };
    const { hasher, accessTokens } = auth;
    const door = await createAdminDoor({
      routes: sessionRoutes({ database: postgres.sql, hasher, accessTokens }),
      database: postgres.sql,
      authenticate: (token) => authenticate(auth.sql, accessTokens, token, clock.nowMs),
      ...{ trustedProxies: null, requestSecret: "of a test", traceIds: createTraceIds(), nowMs: () => clock.nowMs },
      onFailure: (cause) => {
        throw cause;
      },
    });
    const change = (token: string, oldPassword: string, newPassword = NEW_PASSWORD) =>
      ask(door, "PUT", "/admin/auth/password", token, { oldPassword, newPassword });
    const me = async (token: string) => (await ask(door, "GET", "/admin/auth/me", token)).status;
    const close = async () => {
      await door.close();
      await postgres.close();
      await auth[Symbol.asyncDispose]();
    };
    return { ...auth, url, clock, door, change, me, [Symbol.asyncDispose]: close };
  }

  test("users of every role, bound or not, may: other sessions end, this one goes on, and one audit row tells it", async () => {
    await using w = await open();
    for (const [loginId, more] of [
      ["mina", { role: "ADMIN" }],
      ["joon", { role: "OPERATOR" }],
      ["bora", { role: "VIEWER", tenants: ["acme"] }],
    ] as const) {
      const { id } = await w.newUser(loginId, more);
      const [mine, other] = [await w.login({ loginId }), await w.login({ loginId, address: ELSEWHERE })];
      expect(await w.change(mine.accessToken, PASSWORD)).toEqual({ status: 204, code: undefined });

      expect([await w.me(mine.accessToken), await w.me(other.accessToken)]).toEqual([200, 401]);
      expect(await codeOf(w.refreshed(other.refreshToken))).toBe("UNAUTHENTICATED");
      expect(await w.me((await w.refreshed(mine.refreshToken)).accessToken)).toBe(200);
      expect(await codeOf(w.login({ loginId }))).toBe("UNAUTHENTICATED");
      expect(await codeOf(w.login({ loginId, password: NEW_PASSWORD }))).toBe("done");
      expect(await rowsOf(w.url, id)).toEqual([
        {
          action: "password.change",
          outcome: "DONE",
          login: loginId,
          after: expect.objectContaining({ ended: "other sessions" }),
        },
      ]);
    }
  });

  test("a wrong old password is refused, audited and counted like a failed login; then the right one waits too", async () => {
    await using w = await open();
    const { id } = await w.newUser("mina");
    const { accessToken } = await w.login({});
    const wrong = () => w.change(accessToken, "a wrong password");
    for (let failures = 0; failures < FREE_FAILURES; failures += 1) {
      expect(await wrong()).toEqual({ status: 403, code: "WRONG_PASSWORD" });
    }
    expect((await rowsOf(w.url, id)).at(-1)).toMatchObject({
      outcome: "REFUSED",
      after: { because: "WRONG_PASSWORD" },
    });

    const hashed = w.work.hashes;
    expect(await w.change(accessToken, PASSWORD)).toEqual({ status: 429, code: "TOO_MANY_ATTEMPTS" });
    expect(await codeOf(w.login({ address: "127.0.0.1" }))).toBe("TOO_MANY_ATTEMPTS");
    expect(w.work.hashes).toBe(hashed);
    expect(await rowsOf(w.url, id)).toHaveLength(FREE_FAILURES);
    expect(await w.me(accessToken)).toBe(200);
    w.clock.nowMs += SECOND_MS;
    expect(await w.change(accessToken, PASSWORD)).toEqual({ status: 204, code: undefined });
  });

  test("a password that breaks the rules, or is the old one, is refused before a try is counted", async () => {
    await using w = await open();
    const { id } = await w.newUser("mina");
    const { accessToken } = await w.login({});
    for (const bad of ["short", "mina and seven lamps", PASSWORD]) {
      expect(await w.change(accessToken, PASSWORD, bad)).toEqual({ status: 422, code: "WEAK_PASSWORD" });
    }
    expect(await rowsOf(w.url, id)).toEqual([]);
    expect(await run(w.url, "select 1 from login_attempts where failures > 0")).toEqual([]);
  });

  test("of several changes at once by one old password, one is done", async () => {
    await using w = await open();
    await w.newUser("mina");
    const sessions = await Promise.all([1, 2, 3].map(() => w.login({})));
    const answers = await Promise.all(
      sessions.map(({ accessToken }, index) => w.change(accessToken, PASSWORD, `${NEW_PASSWORD} ${index}`)),
    );
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
    const alive = await Promise.all(sessions.map(({ accessToken }) => w.me(accessToken)));
    expect(alive).toEqual(answers.map(({ status }) => (status === 204 ? 200 : 401)));
    w.clock.nowMs += MINUTE_MS;
    const winner = answers.findIndex(({ status }) => status === 204);
    expect(await codeOf(w.login({ password: `${NEW_PASSWORD} ${winner}` }, w.clock.nowMs))).toBe("done");
  });
});

async function ask(door: FastifyInstance, method: "GET" | "PUT", url: string, token: string, body?: object) {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await door.inject({ method, url, headers, ...(body !== undefined && { payload: body }) });
  return { status: answer.statusCode, code: answer.body === "" ? undefined : answer.json().code };
}

async function rowsOf(url: string, userId: string): Promise<Record<string, unknown>[]> {
  return await run(
    url,
    `select action, outcome, actor_login as login, after from audit_logs
      where resource_kind = 'user' and resource_id = $1 order by seq`,
    [userId],
  );
}
