// `sluice doctor`: says what is wrong with the configured Redis and PostgreSQL, before a service or a user finds out.
// It changes nothing. Not here: what is looked at (doctor/redis-findings.redis.ts, doctor/postgres-findings.pg.ts).
import { Command } from "commander";
import type { Finding } from "./doctor/finding.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { readStores } from "./stores.ts";
import { printResult, type Terminal } from "./terminal.ts";

type Options = Readonly<{ redis?: string; database?: string; json?: boolean }>;

export function doctorCommand(terminal: Terminal, finish: (exitCode: ExitCode) => void): Command {
  return new Command("doctor")
    .description("Examine the configured Redis and PostgreSQL; changes nothing")
    .option("--redis <urls>", "one or more seeds, comma-separated (or SLUICE_REDIS_URL)")
    .option("--database <url>", "PostgreSQL (or SLUICE_DATABASE_URL)")
    .option("--json", "JSON on a terminal too")
    .action(async (options: Options) => {
      const given = { SLUICE_REDIS_URL: options.redis, SLUICE_DATABASE_URL: options.database };
      const { redis, database } = readStores(terminal.environment, given);
      // Imported only now: other commands start faster without them.
      const [{ findInRedis }, { findInPostgres }] = await Promise.all([
        import("./doctor/redis-findings.redis.ts"),
        import("./doctor/postgres-findings.pg.ts"),
      ]);
      const findings = (await Promise.all([findInRedis(redis), findInPostgres(database)])).flat();
      printResult(terminal, options.json, { findings }, findings);
      finish(exitCodeOf(findings));
    });
}

function exitCodeOf(findings: readonly Finding[]): ExitCode {
  const failed = findings.filter(({ state }) => state === "fail");
  if (failed.some(({ check }) => check === "reachable")) return EXIT.unreachable;
  return failed.length > 0 ? EXIT.failed : EXIT.ok;
}
