// The routes of this release, and the OpenAPI document of them. Routes are data, so no store is opened to tell of them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from "kysely";
import type { AdminTables } from "./admin/admin-tables.ts";
import type { DescribedRoute } from "./admin/described-route.ts";
import { type OpenApi, openApiOf } from "./admin/openapi.ts";
import { adminRoutes } from "./admin-routes.ts";
import { createAccessTokens } from "./auth/access-token.ts";
import { createPasswordHasher } from "./auth/password-hasher.job.ts";
import { describedRoutes } from "./described-routes.ts";

const PACKAGE = join(import.meta.dirname, "../package.json");

export function openApiDocument(): OpenApi {
  const { version } = JSON.parse(readFileSync(PACKAGE, "utf8")) as { version: string };
  return openApiOf(releasedRoutes(), version);
}

export function releasedRoutes(): DescribedRoute[] {
  const unread = (): never => {
    throw new Error("a route was asked while it was only to be described");
  };
  const sql = new Kysely<AdminTables>({
    dialect: {
      createDriver: () => new DummyDriver(),
      createAdapter: () => new PostgresAdapter(),
      createIntrospector: (database) => new PostgresIntrospector(database),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
  const routes = adminRoutes({
    postgres: { sql },
    reports: { read: unread, close: unread },
    hasher: createPasswordHasher(),
    accessTokens: createAccessTokens({ keys: unread, issuer: "", audience: "" }),
    defaultTimeZone: "UTC",
    explain: unread,
    counters: { adjust: unread, raise: unread, nowMs: unread },
  });
  return describedRoutes(routes);
}
