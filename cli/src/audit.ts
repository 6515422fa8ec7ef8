// `sluice audit verify`: says whether the audit trail is whole, what was done to it, and up to where that is proven.
// It reads the database directly, as whoever may: a service that has been taken over is not asked about itself.
// Not here: how it is found out (service/src/audit/chain-check.ts), what counts as proof (audit-evidence.ts), or what to
// do then (docs/audit.md).
import { resolve } from "node:path";
import type { AuditReport } from "@sluice/service/audit/audit-report.ts";
import type { OutsideEvidence } from "@sluice/service/audit/audit-verify.pg.ts";
import type { PostgresOptions } from "@sluice/service/platform/postgres.ts";
import { Command } from "commander";
import { connectFailure } from "./database.ts";
import { CommandFailure, EXIT, type ExitCode } from "./exit-codes.ts";
import { postgresOptions, readStores } from "./stores.ts";
import { printResult, type Row, type Terminal } from "./terminal.ts";

type Options = Readonly<{ database?: string; checkpoints?: string; publicKey?: string; json?: boolean }>;

export function auditCommand(terminal: Terminal, finish: (exitCode: ExitCode) => void): Command {
  const verify = new Command("verify")
    .description("Find what was changed, moved, removed or cut off in the audit trail; changes nothing")
    .option("--database <url>", "PostgreSQL (or SLUICE_DATABASE_URL)")
    .option("--checkpoints <path>", "a folder or file of checkpoints, or a log (or SLUICE_AUDIT_CHECKPOINT_DIR)")
    .option("--public-key <file>", "PEM of the keys that signed them (or that of SLUICE_AUDIT_SIGNING_KEY)")
    .option("--json", "JSON on a terminal too")
    .action(async (options: Options) => {
      const given = { SLUICE_DATABASE_URL: options.database, SLUICE_AUDIT_CHECKPOINT_DIR: options.checkpoints };
      const { database } = readStores(terminal.environment, given);
      // Imported only now: other commands start faster without it.
      const { readEvidence } = await import("./audit-evidence.ts");
      const evidence = await readEvidence(terminal, given, options.publicKey ?? null);
      const report =
        database.kind === "embedded"
          ? await verifyEmbedded(database.dataDir, evidence)
          : await verifyIn(postgresOptions(database, "service"), evidence);
      printResult(terminal, options.json, report, rowsOf(report));
      for (const sentence of describe(report)) terminal.say(sentence);
      finish(report.verdict === "INTACT" ? EXIT.ok : EXIT.failed);
    });
  return new Command("audit").description("Examine the audit trail").addCommand(verify);
}

async function verifyEmbedded(dataDir: string, evidence: OutsideEvidence): Promise<AuditReport> {
  const { startEmbeddedPostgres } = await import("@sluice/service/platform/embedded-postgres.ts");
  const embedded = await startEmbeddedPostgres({ folder: resolve(dataDir) }).catch((fault: unknown) => {
    throw new CommandFailure(EXIT.conflict, `${messageOf(fault)} Stop the service first, or give --database.`);
  });
  try {
    return await verifyIn({ url: embedded.url }, evidence);
  } finally {
    await embedded.close();
  }
}

async function verifyIn(options: PostgresOptions, evidence: OutsideEvidence): Promise<AuditReport> {
  const { connectPostgres } = await import("@sluice/service/platform/postgres.ts");
  const { verifyAudit } = await import("@sluice/service/audit/audit-verify.pg.ts");
  const client = await connectPostgres(options).catch((fault: unknown) => {
    throw connectFailure(fault);
  });
  try {
    return await verifyAudit(client, evidence);
  } catch (fault) {
    throw new CommandFailure(EXIT.failed, `The audit trail could not be read: ${messageOf(fault)}`);
  } finally {
    await client.end();
  }
}

function rowsOf({ faults }: AuditReport): Row[] {
  if (faults.length === 0) return [{ fault: "none" }];
  return faults.map(({ kind, fromSeq, toSeq, detail }) => ({ fault: kind, from: fromSeq, to: toSeq, detail }));
}

function describe({ verdict, rows, lastSeq, faults, faultsLeftOut, provenUpTo, notes }: AuditReport): string[] {
  const count = faults.length + faultsLeftOut;
  return [
    `${verdict}: ${rows} rows up to position ${lastSeq ?? 0}, ${count === 1 ? "1 fault" : `${count} faults`}.`,
    provenUpTo === null
      ? "Proven: nothing."
      : `Proven up to position ${provenUpTo.seq}, as of ${provenUpTo.at}, by key ${provenUpTo.keyId}.`,
    ...notes,
  ];
}

function messageOf(fault: unknown): string {
  const { message = "", code = "" } = fault as { message?: string; code?: string };
  return message || code || String(fault);
}
