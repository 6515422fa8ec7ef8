// The example of every error code in the contract, and so in docs/errors, is what the service answers.
import {
  exampleProblem,
  type FieldProblem,
  LANGUAGES,
  PROBLEMS,
  type Problem,
  type ProblemCode,
} from "@sluice/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startPostgres, type TestPostgres } from "../test/postgres.ts";
import { describeWithPostgres } from "../test/services.ts";
import { ACTORS, type AdminWorld, type Ask, openAdminWorld } from "./admin/admin.world.ts";
import { readRoute } from "./admin/route.admin.ts";
import { routesOn } from "./admin-routes.world.ts";
import { createCallers } from "./auth/callers.http.ts";
import { createCredentials } from "./auth/credentials.ts";
import { CHECK_PATH } from "./check/check.http.ts";
import { GOOD_CHECK, openDoor, sendBytes } from "./check/door.world.ts";

const PASSWORD = "four unrelated quiet words";
const FREE = { name: "FREE", limits: { perSecond: 20 } };
const NOWHERE = "postgres://postgres@127.0.0.1:1/nowhere";
/** Asked of the listener, whose patience of seconds a test does not wait for; the sentence is that of MALFORMED_HTTP. */
const NOT_ASKED: readonly ProblemCode[] = ["REQUEST_TIMEOUT"];

const brokenRoute = readRoute({
  ...{ method: "GET", path: "/admin/broken", tag: "test", action: "session.read", summary: "Fails" },
  shape: {},
  find: async () => {
    throw new Error("a fault of ours");
  },
});

describeWithPostgres("the examples of error codes", () => {
  let server: TestPostgres;
  let world: AdminWorld;
  let ask: Ask;

  beforeAll(async () => {
    server = await startPostgres();
    world = await openAdminWorld(await server.migratedDatabase(), (postgres) => [...routesOn(postgres), brokenRoute]);
    ask = world.ask;
    await ask("POST", "/admin/plans", { body: FREE });
    await ask("POST", "/admin/tenants", { body: { id: "acme", plan: "FREE" } });
  });
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  const etagOf = async (path: string) => String((await ask("GET", path)).headers.etag);
  const changeOf = async (path: string) => ({ headers: { "if-match": await etagOf(path) } });

  /** Each the last of what it takes to be answered so. */
  const provoke: Partial<Record<ProblemCode, () => Promise<{ body: unknown }>>> = {
    INVALID_JSON: () => ask("POST", "/admin/plans", { body: "{" }),
    INVALID_REQUEST: () => ask("POST", "/admin/plans", { body: { name: "FREE", limit: {} } }),
    METHOD_NOT_ALLOWED: () => ask("DELETE", "/admin/plans"),
    BODY_TOO_LARGE: () => ask("POST", "/admin/plans", { body: " ".repeat(2 ** 20 + 1) }),
    UNSUPPORTED_MEDIA_TYPE: () => ask("POST", "/admin/plans", { body: "a", headers: { "content-type": "text/csv" } }),
    UNAUTHENTICATED: () => ask("GET", "/admin/plans", { as: null }),
    FORBIDDEN: () => ask("POST", "/admin/plans", { as: "operator", body: FREE }),
    NOT_FOUND: () => ask("GET", "/admin/plans/GOLD"),
    TAKEN: () => ask("POST", "/admin/tenants", { body: { id: "acme", plan: "FREE" } }),
    UNKNOWN_REFERENCE: () => ask("POST", "/admin/tenants", { body: { id: "other", plan: "GOLD" } }),
    IN_USE: async () => ask("DELETE", "/admin/plans/FREE", await changeOf("/admin/plans/FREE")),
    ETAG_REQUIRED: () => ask("DELETE", "/admin/plans/FREE"),
    STALE: () => ask("DELETE", "/admin/plans/FREE", { headers: { "if-match": '"before"' } }),
    OUT_OF_RANGE: async () => {
      const change = await changeOf("/admin/tenants/acme");
      return await ask("PUT", "/admin/tenants/acme/plan", {
        ...change,
        body: { plan: "FREE", at: "2000-01-01T00:00:00Z" },
      });
    },
    CONFLICT: async () => {
      const user = await ask("POST", "/admin/users", { body: { loginId: "kim", password: PASSWORD, role: "ADMIN" } });
      const path = `/admin/users/${user.body.id}`;
      return await ask("DELETE", path, await changeOf(path));
    },
    WEAK_PASSWORD: () =>
      ask("POST", "/admin/users", { body: { loginId: "lee", password: "xkwvqzjhbyt", role: "VIEWER" } }),
    WRONG_PASSWORD: async () => {
      await ask("POST", "/admin/users", { body: { loginId: "viewer", password: PASSWORD, role: "VIEWER" } });
      const known = [ACTORS.viewer?.userId];
      await world.postgres.pool.query("update users set id = $1 where login_id = 'viewer'", known);
      const body = { oldPassword: "another", newPassword: `${PASSWORD} or more` };
      return await ask("PUT", "/admin/auth/password", { as: "viewer", body });
    },
    IDEMPOTENCY_KEY_REUSED: async () => {
      const headers = { "idempotency-key": "k-1" };
      await ask("POST", "/admin/plans", { body: { ...FREE, name: "A" }, headers });
      return await ask("POST", "/admin/plans", { body: { ...FREE, name: "B" }, headers });
    },
    IDEMPOTENCY_KEY_IN_PROGRESS: async () => {
      const other = await world.postgres.pool.connect();
      try {
        const name = `idempotency:${ACTORS.admin?.userId}:POST /admin/plans:k-2`;
        await other.query("select pg_advisory_lock(hashtextextended($1, 0))", [name]);
        return await ask("POST", "/admin/plans", { body: FREE, headers: { "idempotency-key": "k-2" } });
      } finally {
        other.release(true);
      }
    },
    TOO_MANY_ATTEMPTS: async () => {
      const login = () => ask("POST", "/admin/auth/login", { as: null, body: { loginId: "kim", password: "wrong" } });
      for (let tries = 0; tries < 20; tries += 1) {
        const answer = await login();
        if (answer.status !== 401) return answer;
      }
      throw new Error("nothing slows guessing");
    },
    RESERVED: async () => {
      await ask("DELETE", "/admin/tenants/acme", await changeOf("/admin/tenants/acme"));
      return await ask("POST", "/admin/tenants", { body: { id: "acme", plan: "FREE" } });
    },
    INTERNAL: () => ask("GET", "/admin/broken"),
    UNAVAILABLE: async () => {
      await using away = await openAdminWorld(NOWHERE, routesOn);
      return await away.ask("GET", "/admin/plans");
    },
    TENANT_NOT_PERMITTED: async () => {
      const credentials = createCredentials([{ secret: "s".repeat(32), tenants: ["other"] }]);
      const door = await openDoor({ callers: createCallers({ kind: "credential", credentials }) });
      try {
        return await door.send(CHECK_PATH, JSON.stringify(GOOD_CHECK), { "x-service-auth": "s".repeat(32) });
      } finally {
        await door.close();
      }
    },
    MALFORMED_HTTP: () => sendRaw("what is this\r\n\r\n"),
    HEADERS_TOO_LARGE: () => sendRaw(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`),
  };

  test("are what the service answers", async () => {
    const asked: Record<string, Pick<Problem, "detail" | "errors">> = {};
    for (const [code, answer] of Object.entries(provoke)) {
      const { body } = await answer();
      asked[code] = exampleOf(body as Problem);
    }
    const told = Object.entries(PROBLEMS).filter(([code]) => !NOT_ASKED.includes(code as ProblemCode));
    expect(asked).toEqual(
      Object.fromEntries(told.map(([code, { example }]) => [code, exampleOf({ code, ...example })])),
    );
    expect(world.failures).toHaveLength(1);
  });

  test("are in Korean for who prefers it, with the same code and pointers", async () => {
    const headers = { "accept-language": "ko" };
    const answer = await ask("POST", "/admin/plans", { body: { name: "FREE", limit: {} }, headers });
    expect(answer.body).toEqual({ ...exampleProblem("INVALID_REQUEST", "ko"), traceId: answer.body.traceId });
    expect(answer.headers).toMatchObject({ "content-language": "ko", vary: "Accept-Language" });
  });
});

test("who prefers Korean reads Korean, with the same code and pointers, at the door of checks too", async () => {
  const credentials = createCredentials([{ secret: "s".repeat(32), tenants: ["other"] }]);
  const door = await openDoor({ callers: createCallers({ kind: "credential", credentials }) });
  try {
    const headers = { "x-service-auth": "s".repeat(32), "accept-language": "ko-KR,en;q=0.5" };
    const { body, headers: answered } = await door.send(CHECK_PATH, JSON.stringify(GOOD_CHECK), headers);
    expect(body).toEqual({ ...exampleProblem("TENANT_NOT_PERMITTED", "ko"), traceId: body.traceId });
    expect(body.detail).toContain(PROBLEMS.TENANT_NOT_PERMITTED.example.detail);
    expect(answered.get("content-language")).toBe("ko");
  } finally {
    await door.close();
  }
});

function exampleOf({
  code,
  detail,
  errors,
}: Readonly<{ code: string; detail: string; errors: readonly FieldProblem[] }>) {
  return { code, detail, errors: [...errors] };
}

async function sendRaw(bytes: string): Promise<{ body: unknown }> {
  const door = await openDoor();
  try {
    const heard = await sendBytes(door.port, bytes);
    return { body: JSON.parse(heard.slice(heard.indexOf("\r\n\r\n"))) };
  } finally {
    await door.close();
  }
}

test("every word is there in every language, and Korean ones are Korean", () => {
  for (const [code, { words }] of Object.entries(PROBLEMS)) {
    for (const language of LANGUAGES) {
      for (const word of Object.values(words[language])) {
        expect([code, language, /\p{Script=Hangul}/u.test(word)]).toEqual([code, language, language === "ko"]);
      }
    }
  }
});
