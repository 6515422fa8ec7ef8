// A private world for tests of Admin routes: a real database, the door over it, and users known by their tokens.
// Tokens here are names in a table handed in; that real ones hold is shown by the tests of auth.
import type { FastifyInstance } from "fastify";
import type { Actor } from "../auth/actor.ts";
import { openPostgres, type Postgres } from "../platform/postgres.ts";
import { Refusal } from "../platform/refusal.ts";
import { createTraceIds } from "../platform/trace.ts";
import { createAdminDoor } from "./admin.http.ts";
import type { AdminTables } from "./admin-tables.ts";
import type { Route } from "./route.admin.ts";

export const NOW_MS = Date.UTC(2026, 10, 22, 10);

const user = (userId: string, role: Actor["role"], tenants: Actor["tenants"]): Actor => {
  return { userId, loginId: role.toLowerCase(), role, tenants, sessionId: userId };
};
/** By access token. */
export const ACTORS: Readonly<Record<string, Actor>> = {
  admin: user("00000000-0000-4000-8000-000000000001", "ADMIN", null),
  operator: user("00000000-0000-4000-8000-000000000002", "OPERATOR", null),
  viewer: user("00000000-0000-4000-8000-000000000003", "VIEWER", null),
  "operator of acme": user("00000000-0000-4000-8000-000000000004", "OPERATOR", ["acme"]),
  "viewer of acme": user("00000000-0000-4000-8000-000000000005", "VIEWER", ["acme"]),
  "admin of acme": user("00000000-0000-4000-8000-000000000006", "ADMIN", ["acme"]),
};

export type Answer = Readonly<{
  status: number;
  headers: Readonly<Record<string, unknown>>;
  /** Parsed JSON; undefined where there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  body: any;
  /** As it was sent. */
  text: string;
}>;

export type Ask = (
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  more?: Readonly<{
    as?: string | null;
    body?: unknown;
    headers?: Readonly<Record<string, string>>;
    /** Of the connection. */
    remoteAddress?: string;
  }>,
) => Promise<Answer>;

export type AdminWorld = Readonly<{
  postgres: Postgres<AdminTables>;
  door: FastifyInstance;
  ask: Ask;
  /** What the door logged as faults of its own. */
  failures: unknown[];
  [Symbol.asyncDispose]: () => Promise<void>;
}>;

/** A world on a migrated database; another one on the same `url` is a second instance. */
export async function openAdminWorld(
  url: string,
  routesOf: (postgres: Postgres<AdminTables>) => readonly Route[],
  trustedProxies: readonly string[] | null = null,
): Promise<AdminWorld> {
  const postgres = openPostgres<AdminTables>({ url, poolSize: 4 });
  const failures: unknown[] = [];
  const door = await createAdminDoor({
    routes: routesOf(postgres),
    database: postgres.sql,
    authenticate: async (token) => {
      const actor = ACTORS[token.replaceAll("-", " ")];
      if (actor === undefined) throw new Refusal("UNAUTHENTICATED", "The token is unknown.");
      return actor;
    },
    trustedProxies,
    requestSecret: "of a test",
    traceIds: createTraceIds(),
    nowMs: () => NOW_MS,
    onFailure: (cause) => failures.push(cause),
  });
  return {
    postgres,
    door,
    failures,
    ask: (method, path, more = {}) => askDoor(door, method, path, more),
    [Symbol.asyncDispose]: async () => {
      await door.close();
      await postgres.close();
    },
  };
}

async function askDoor(door: FastifyInstance, ...[method, url, more = {}]: Parameters<Ask>): Promise<Answer> {
  const { as = "admin", body, headers = {}, remoteAddress = "127.0.0.1" } = more;
  const response = await door.inject({
    method,
    url,
    remoteAddress,
    headers: {
      ...(as !== null && { authorization: `Bearer ${as.replaceAll(" ", "-")}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { payload: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const isJson = /\bjson|\+json/.test(String(response.headers["content-type"] ?? ""));
  return {
    status: response.statusCode,
    headers: response.headers,
    body: isJson ? response.json() : undefined,
    text: response.body,
  };
}
