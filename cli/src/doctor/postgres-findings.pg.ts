// What `doctor` looks at in PostgreSQL: there, new enough, its clock, whether it admits the connections that all instances
// together may open, and whether the schema is this release's.
import type { DatabaseConfig } from "@sluice/service/config-stores.ts";
import { pendingMigrations } from "@sluice/service/platform/migrate.ts";
import { connectPostgres, type PostgresOptions } from "@sluice/service/platform/postgres.ts";
import { postgresOptions } from "../stores.ts";
import { type Finding, skewFinding, unreachable, versionFinding } from "./finding.ts";

const PART = "postgres";
const OLDEST_POSTGRES = "14.0";

/** `serverNeeds` is what its max_connections must be at least (ConnectionBudget); null where that is not known. */
export async function findInPostgres(database: DatabaseConfig, serverNeeds: number | null): Promise<Finding[]> {
  if (database.kind === "embedded") {
    const detail = "no SLUICE_DATABASE_URL: the embedded database is used";
    return [{ part: PART, check: "configured", state: "warn", detail }];
  }
  const options = postgresOptions(database, "service");
  try {
    return [...(await findInServer(options, serverNeeds)), await migrationsFinding(options)];
  } catch (fault) {
    const { message = "", code = "" } = fault as { message?: string; code?: string };
    return [unreachable(PART, message || code || String(fault))];
  }
}

async function findInServer(options: PostgresOptions, serverNeeds: number | null): Promise<Finding[]> {
  const client = await connectPostgres(options);
  try {
    const sentMs = Date.now();
    const { rows } = await client.query<{ version: string; now_ms: string; most: string }>(
      `select current_setting('server_version') as version, current_setting('max_connections') as most,
        extract(epoch from clock_timestamp()) * 1000 as now_ms`,
    );
    const receivedMs = Date.now();
    const { version = "", now_ms = "", most = "" } = rows[0] ?? {};
    return [
      { part: PART, check: "reachable", state: "ok", detail: `answers within ${receivedMs - sentMs} ms` },
      versionFinding(PART, version, OLDEST_POSTGRES),
      skewFinding(PART, Number(now_ms), sentMs, receivedMs),
      ...(serverNeeds === null ? [] : [connectionsFinding(Number(most), serverNeeds)]),
    ];
  } finally {
    await client.end();
  }
}

function connectionsFinding(most: number, serverNeeds: number): Finding {
  const isEnough = most >= serverNeeds;
  const fix = "raise it, or lower SLUICE_DATABASE_POOL_TOTAL or SLUICE_MAX_REPLICAS";
  const detail = `max_connections is ${most}, and all instances together need ${serverNeeds}${isEnough ? "" : `: ${fix}`}`;
  return { part: PART, check: "connections", state: isEnough ? "ok" : "fail", detail };
}

async function migrationsFinding(options: PostgresOptions): Promise<Finding> {
  const pending = await pendingMigrations(options);
  return {
    part: PART,
    check: "migrations",
    state: pending.length === 0 ? "ok" : "fail",
    detail: pending.length === 0 ? "none pending" : `pending: ${pending.join(", ")}; run \`sluice migrate\``,
  };
}
