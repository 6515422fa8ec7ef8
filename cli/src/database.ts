// The database of an installation, for commands that work on it without the service: PostgreSQL, or the embedded one while
// no service has it open.
import { resolve } from "node:path";
import type { DatabaseConfig } from "@sluice/service/config-stores.ts";
import type { PostgresOptions } from "@sluice/service/platform/postgres.ts";
import { CommandFailure, EXIT } from "./exit-codes.ts";
import { postgresOptions } from "./stores.ts";

/** The embedded database has its schema when `act` begins; a server's schema is `sluice migrate`'s matter. */
export async function withDatabase<T>(
  database: DatabaseConfig,
  act: (options: PostgresOptions) => Promise<T>,
): Promise<T> {
  if (database.kind === "postgres") return await act(postgresOptions(database, "service"));
  const { startEmbeddedPostgres } = await import("@sluice/service/platform/embedded-postgres.ts");
  const { migrate } = await import("@sluice/service/platform/migrate.ts");
  const embedded = await startEmbeddedPostgres({ folder: resolve(database.dataDir) }).catch((fault: unknown) => {
    const said = fault instanceof Error ? fault.message : String(fault);
    throw new CommandFailure(EXIT.conflict, `${said} Stop the service first, or set SLUICE_DATABASE_URL.`);
  });
  try {
    await migrate({ url: embedded.url });
    return await act({ url: embedded.url });
  } finally {
    await embedded.close();
  }
}

/** What a connection that failed means for whoever ran the command. */
export function connectFailure(fault: unknown): CommandFailure {
  const { message = "", code = "" } = fault as { message?: string; code?: unknown };
  const said = message || String(code) || String(fault);
  return String(code).startsWith("28")
    ? new CommandFailure(EXIT.auth, `PostgreSQL refuses this user: ${said}`)
    : new CommandFailure(EXIT.unreachable, `PostgreSQL cannot be reached: ${said}`);
}
