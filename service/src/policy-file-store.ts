// The policy file of this instance: read and judged before anything starts, kept in memory for a start without
// PostgreSQL, and brought into PostgreSQL as soon as it is there.
// Not here: what a file may say (policies/policy-file.ts), or what applying keeps of rows changed by hand (policy-file.pg.ts).
import type { Kysely } from "kysely";
import type { Config } from "./config.ts";
import type { Log } from "./platform/log.ts";
import { readPolicyFile } from "./policies/policy-file.file.ts";
import { applyPolicyFile } from "./policies/policy-file.pg.ts";
import { describeFault, type FileFault, type PolicyFile } from "./policies/policy-file.ts";
import { joinSources, sourceOfSet } from "./policies/policy-set.ts";
import type { PolicyTables } from "./policies/policy-tables.ts";
import type { SnapshotSource } from "./policies/snapshot.ts";

/** Null when none is configured. Throws, naming every fault with its line, when it is not to be believed. */
export async function openPolicyFile({ policyFile }: Config): Promise<PolicyFile | null> {
  if (policyFile === null) return null;
  const read = await readPolicyFile(policyFile.path);
  if (read.kind === "faulty") throw faultyFile(policyFile.path, read.faults);
  return read.file;
}

/** What is known without PostgreSQL: the last good snapshot, and over it what the file declares. */
export function withPolicyFile(
  kept: SnapshotSource | null,
  file: PolicyFile | null,
  defaultTimeZone: string,
): SnapshotSource | null {
  if (file === null) return kept;
  const declared = sourceOfSet(file.set, defaultTimeZone);
  return kept === null ? declared : joinSources(kept, declared);
}

export async function bringIn(
  config: Config,
  database: Kysely<PolicyTables>,
  file: PolicyFile,
  log: Log,
): Promise<void> {
  if (config.policyFile === null) return;
  const { path, force: isForced } = config.policyFile;
  const result = await applyPolicyFile(database, file, { isForced, defaultTimeZone: config.defaultTimeZone });
  if (result.kind === "faulty") throw faultyFile(path, result.faults);
  if (result.kind === "applied") log.info({ path, written: result.written }, "the policy file is applied");
  if (result.kind === "applied" && result.kept.length > 0) {
    log.warn({ kept: result.kept }, "rows changed by hand are kept; SLUICE_POLICY_FILE_FORCE=1 overwrites them");
  }
}

/** The process must not start with a file that says something else than its author meant. */
export class FaultyPolicyFile extends Error {
  override readonly name = "FaultyPolicyFile";
}

function faultyFile(path: string, faults: readonly FileFault[]): FaultyPolicyFile {
  return new FaultyPolicyFile(faults.map((fault) => describeFault(path, fault)).join("\n"));
}
