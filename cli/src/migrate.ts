// `sluice migrate`: brings the configured PostgreSQL to this release's schema, as the owner role where one is set.
// The embedded database needs none of this: `sluice serve` migrates it.
import { Command } from "commander";
import { CommandFailure, EXIT } from "./exit-codes.ts";
import { postgresOptions, readStores } from "./stores.ts";
import { printResult, type Terminal } from "./terminal.ts";

type Options = Readonly<{ database?: string; pending?: boolean; json?: boolean }>;

export function migrateCommand(terminal: Terminal): Command {
  return new Command("migrate")
    .description("Apply the migrations that the database lacks")
    .option("--database <url>", "PostgreSQL (or SLUICE_MIGRATE_DATABASE_URL, SLUICE_DATABASE_URL)")
    .option("--pending", "only list them")
    .option("--json", "JSON on a terminal too")
    .action(async (options: Options) => {
      const given = { SLUICE_DATABASE_URL: options.database, SLUICE_MIGRATE_DATABASE_URL: options.database };
      const { database } = readStores(terminal.environment, given);
      if (database.kind === "embedded") {
        throw new CommandFailure(EXIT.usage, "Which PostgreSQL? Give --database or set SLUICE_DATABASE_URL.");
      }
      const { grantServiceRights, migrate, pendingMigrations } = await import("@sluice/service/platform/migrate.ts");
      const work = options.pending ? pendingMigrations : migrate;
      const names = await work(postgresOptions(database, "owner")).catch((fault: unknown) => {
        throw explain(fault);
      });
      if (!options.pending && database.serviceRole !== null) {
        await grantServiceRights(postgresOptions(database, "owner"), database.serviceRole).catch((fault: unknown) => {
          throw explain(fault);
        });
        terminal.say(`${database.serviceRole} may do what the service needs`);
      }
      const word = options.pending ? "pending" : "applied";
      terminal.say(`${names.length} ${word}`);
      printResult(
        terminal,
        options.json,
        { [word]: names },
        names.map((migration) => ({ migration })),
      );
    });
}

/** Classes of SQLSTATE: 28 = who we are; 08, 57 and the system's own errors = not there. */
function explain(fault: unknown): CommandFailure {
  const said = fault instanceof Error ? fault.message || fault.name : String(fault);
  const code = typeof fault === "object" && fault !== null && "code" in fault ? String(fault.code) : "";
  if (code.startsWith("28")) return new CommandFailure(EXIT.auth, `PostgreSQL refuses this user: ${said}`);
  if (/^(E[A-Z]+|08...|57...)$/.test(code) || /timeout/.test(said)) {
    return new CommandFailure(EXIT.unreachable, `PostgreSQL cannot be reached: ${said || code}`);
  }
  return new CommandFailure(EXIT.failed, `The migration failed, and what it had not finished was undone: ${said}`);
}
