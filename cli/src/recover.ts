// `sluice recover verify`: after Redis or PostgreSQL was restored, says whether counters are what they must be: scripts load,
// every slot has an owner, every key has an end, and no quota is below what PostgreSQL knows was used. With --repair
// it puts right what it can: a service does the same for the quotas of every tenant that is called.
// Not here: what is looked at (recover/*).
import { readFileSync } from "node:fs";
import { ConfigReader } from "@sluice/service/config-reader.ts";
import { DEFAULT_SECRETS } from "@sluice/service/config-rules.ts";
import { Command } from "commander";
import { CommandFailure, EXIT, type ExitCode } from "./exit-codes.ts";
import { readStores } from "./stores.ts";
import { printResult, type Terminal } from "./terminal.ts";

type Options = Readonly<{ redis?: string; database?: string; tenant?: string[]; repair?: boolean; json?: boolean }>;

const NEEDS = `
It needs the SLUICE_ID_SECRET of the services, by which users' counters are found.
The user of Redis needs the rights of the service, and ~sl:* +scan +pttl +pexpire.`;

export function recoverCommand(terminal: Terminal, finish: (exitCode: ExitCode) => void): Command {
  const verify = new Command("verify")
    .description("Compare Redis with what PostgreSQL knows was used: scripts, slots, lives of keys, quotas")
    .option("--redis <urls>", "one or more seeds, comma-separated (or SLUICE_REDIS_URL)")
    .option("--database <url>", "PostgreSQL (or SLUICE_DATABASE_URL)")
    .option("--tenant <id...>", "quotas of these tenants only")
    .option("--repair", "raise quotas that are too low, and give keys without an end one")
    .option("--json", "JSON on a terminal too")
    .addHelpText("after", NEEDS)
    .action(async (options: Options) => {
      const given = { SLUICE_REDIS_URL: options.redis, SLUICE_DATABASE_URL: options.database };
      const { redis, database } = readStores(terminal.environment, given);
      if (redis.kind === "embedded" || database.kind === "embedded") {
        const which = redis.kind === "embedded" ? "SLUICE_REDIS_URL" : "SLUICE_DATABASE_URL";
        throw new CommandFailure(EXIT.usage, `Embedded stores cannot be compared from outside: set ${which}.`);
      }
      // Imported only now: other commands start faster without them.
      const [{ verifyKeys }, { verifyQuotas }] = await Promise.all([
        import("./recover/keys.redis.ts"),
        import("./recover/quotas.ts"),
      ]);
      const isRepairing = options.repair === true;
      const progress = terminal.progress ?? (() => undefined);
      const findings = [
        ...(await verifyKeys(redis, isRepairing, progress)),
        ...(await verifyQuotas({
          ...{ redis, database, isRepairing, progress },
          idSecret: idSecretIn(terminal.environment),
          only: options.tenant ?? null,
        })),
      ];
      progress("");
      printResult(terminal, options.json, { findings }, findings);
      finish(findings.some(({ state }) => state === "fail") ? EXIT.failed : EXIT.ok);
    });
  return new Command("recover").description("Care for the stores after a restore").addCommand(verify);
}

function idSecretIn(environment: Terminal["environment"]): string {
  const reader = new ConfigReader(environment, (path) => readFileSync(path, "utf8"));
  return reader.secret("SLUICE_ID_SECRET")?.reveal() ?? DEFAULT_SECRETS.SLUICE_ID_SECRET;
}
