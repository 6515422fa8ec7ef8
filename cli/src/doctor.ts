// `sluice doctor`: says what is wrong with a service's settings, ports, Redis and PostgreSQL, before a service or a user
// finds out. It reads the settings as the service does, from the environment, and changes nothing.
// Not here: what is looked at (doctor/*).
import { readFileSync } from "node:fs";
import { Command } from "commander";
import type { Finding } from "./doctor/finding.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { readStores } from "./stores.ts";
import { printResult, type Terminal } from "./terminal.ts";

type Options = Readonly<{ redis?: string; database?: string; json?: boolean }>;

export function doctorCommand(terminal: Terminal, finish: (exitCode: ExitCode) => void): Command {
  return new Command("doctor")
    .description("Examine settings, certificates, ports, Redis and PostgreSQL; changes nothing")
    .option("--redis <urls>", "one or more seeds, comma-separated (or SLUICE_REDIS_URL)")
    .option("--database <url>", "PostgreSQL (or SLUICE_DATABASE_URL)")
    .option("--json", "JSON on a terminal too")
    .action(async (options: Options) => {
      const findings = await examine(terminal, options);
      terminal.progress?.("");
      printResult(terminal, options.json, { findings }, findings);
      finish(exitCodeOf(findings));
    });
}

async function examine({ environment, progress }: Terminal, options: Options): Promise<readonly Finding[]> {
  const given = { SLUICE_REDIS_URL: options.redis, SLUICE_DATABASE_URL: options.database };
  // What the stores' own settings are faulty in is a matter of usage: there is nothing to examine then.
  const { redis, database } = readStores(environment, given);
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  // Imported only now: other commands start faster without them.
  const [{ findInSettings }, { findOnPorts }, { findInRedis }, { findInPostgres }, { connectionsOf }] =
    await Promise.all([
      import("./doctor/settings-findings.ts"),
      import("./doctor/port-findings.ts"),
      import("./doctor/redis-findings.redis.ts"),
      import("./doctor/postgres-findings.pg.ts"),
      import("@sluice/service/connections.ts"),
    ]);
  const readFile = (path: string) => readFileSync(path, "utf8");
  const settings = findInSettings({ ...environment, ...present }, readFile, Date.now());
  const { config } = settings;
  progress?.("Asking Redis and PostgreSQL");
  const asked = await Promise.all([
    config === null ? [] : findOnPorts(config),
    findInRedis(redis),
    findInPostgres(database, config === null ? null : connectionsOf(config).serverNeeds),
  ]);
  return [...settings.findings, ...asked.flat()];
}

function exitCodeOf(findings: readonly Finding[]): ExitCode {
  const failed = findings.filter(({ state }) => state === "fail");
  if (failed.some(({ check }) => check === "reachable")) return EXIT.unreachable;
  return failed.length > 0 ? EXIT.failed : EXIT.ok;
}
