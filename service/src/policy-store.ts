// The policies of one process: PostgreSQL's newest, before that the snapshot file's, before that none.
//
// Promise: opening never waits for PostgreSQL. One process of an instance (`keeper`) brings the schema up to date where
// its role may, brings in the policy file, and writes the snapshot file; a PostgreSQL that is away is tried again.
import { join } from "node:path";
import { setImmediate as pause, setTimeout as wait } from "node:timers/promises";
import { callerAt, holdsAny, type ManagedCaller, NO_MANAGED_CALLERS } from "./auth/service-credential.ts";
import type { Config } from "./config.ts";
import type { PolicyRowsView } from "./explain/explain.ts";
import type { Log } from "./platform/log.ts";
import type { Metrics } from "./platform/metrics.ts";
import { grantServiceRights, migrate, pendingMigrations } from "./platform/migrate.ts";
import type { Postgres } from "./platform/postgres.ts";
import { Refusal } from "./platform/refusal.ts";
import { DEFAULT_POLL_MS, type PolicySync, startPolicySync } from "./policies/policies.sync.ts";
import type { PolicyFile } from "./policies/policy-file.ts";
import type { PolicyTables } from "./policies/policy-tables.ts";
import { compileSnapshot } from "./policies/snapshot-compile.ts";
import type { CompiledSnapshot } from "./policies/snapshot-compiled.ts";
import { keepSnapshotFile } from "./policies/snapshot-file.sync.ts";
import { readSnapshotFile } from "./policies/snapshot-read.file.ts";
import { bringIn, FaultyPolicyFile, openPolicyFile, withPolicyFile } from "./policy-file-store.ts";
import type { OpenDatabase } from "./stores.ts";

const TRY_AGAIN_MS = 1_000;

export type PolicyStore = Readonly<{
  view: PolicyRowsView;
  /** Resolves with the first confirmation by PostgreSQL. */
  ready: Promise<void>;
  version: () => number;
  /** Managed credentials of callers, published with the policies. */
  credentials: (sha256: string) => ManagedCaller | null;
  /** Whether any managed credential holds now, as far as this process knows. */
  hasCredentials: () => boolean;
  close: () => Promise<void>;
}>;

export type PolicyStoreParts = Readonly<{
  config: Config;
  database: OpenDatabase;
  postgres: Postgres<PolicyTables>;
  keeper: boolean;
  metrics: Metrics;
  log: Log;
}>;

export async function openPolicyStore(parts: PolicyStoreParts): Promise<PolicyStore> {
  const { config, postgres, keeper, metrics, log } = parts;
  const closing = new AbortController();
  const policyFile = await openPolicyFile(config);
  const file = { path: join(config.dataDir, "policies.snapshot"), key: config.snapshotKey.reveal() };
  const known = withPolicyFile(await readKeptSnapshot(parts, file), policyFile, config.defaultTimeZone);
  const prepared = keeper ? prepare(parts, policyFile, closing.signal) : Promise.resolve();
  const sync = startPolicySync({
    postgres,
    initial: known === null ? null : await compileSnapshot(known, pause),
    onFault: (fault) => {
      metrics.policyReload("failed");
      log.debug({ fault: messageOf(fault) }, "the policies could not be read");
    },
  });
  const tell = (snapshot: CompiledSnapshot | null) => {
    metrics.policies(snapshot?.version.version ?? 0, sync.confirmedAtMs());
  };
  sync.onChange((snapshot) => {
    metrics.policyReload("replaced");
    log.info({ version: snapshot.version.version, tenants: snapshot.tenantCount }, "policies in force");
  });
  const telling = setInterval(() => tell(sync.current()), DEFAULT_POLL_MS / 4);
  const kept = keeper
    ? keepSnapshotFile(sync, file, (fault) =>
        log.error({ fault: messageOf(fault) }, "the snapshot file was not written"),
      )
    : null;
  const callers = () => sync.current()?.callers ?? NO_MANAGED_CALLERS;
  return {
    view: viewOf(sync),
    ready: prepared.then(() => sync.ready),
    version: () => sync.current()?.version.version ?? 0,
    credentials: (sha256) => callerAt(callers(), sha256, Date.now()),
    hasCredentials: () => holdsAny(callers(), Date.now()),
    close: async () => {
      closing.abort();
      clearInterval(telling);
      await kept?.close();
      await sync.close();
    },
  };
}

function viewOf(sync: PolicySync): PolicyRowsView {
  return {
    snapshot: () => sync.current(),
    confirmedAgoMs: () => Date.now() - (sync.confirmedAtMs() ?? Number.NEGATIVE_INFINITY),
    retryInMs: () => DEFAULT_POLL_MS,
  };
}

async function readKeptSnapshot({ metrics, log }: PolicyStoreParts, file: { path: string; key: string }) {
  const read = await readSnapshotFile(file);
  if (read.kind === "read") return read.source;
  if (read.kind === "refused") {
    metrics.snapshotFileRejected();
    log.error({ file: file.path, reason: read.reason }, "the snapshot file is ignored");
  }
  return null;
}

/** The schema, then the policy file: both as soon as PostgreSQL is there. */
async function prepare(parts: PolicyStoreParts, policyFile: PolicyFile | null, closed: AbortSignal): Promise<void> {
  await untilDone(parts, closed, () => bringSchemaUpToDate(parts));
  if (policyFile !== null)
    await untilDone(parts, closed, () => bringIn(parts.config, parts.postgres.sql, policyFile, parts.log));
}

/** A PostgreSQL that is away is waited for; what it refuses for good ends the process. */
async function untilDone({ log }: PolicyStoreParts, closed: AbortSignal, act: () => Promise<void>): Promise<void> {
  while (!closed.aborted) {
    try {
      return await act();
    } catch (fault) {
      if (fault instanceof FaultyPolicyFile || fault instanceof Refusal || fault instanceof OldSchema) {
        log.fatal({ fault: fault.message }, "this instance must not start");
        process.exit(1);
      }
      log.warn({ fault: messageOf(fault) }, "PostgreSQL is away: it is tried again");
      await wait(TRY_AGAIN_MS, undefined, { signal: closed }).catch(() => undefined);
    }
  }
}

class OldSchema extends Error {
  override readonly name = "OldSchema";
}

/** In `prod` the schema is a job's matter, and an old one is refused. */
async function bringSchemaUpToDate({ config, database, log }: PolicyStoreParts): Promise<void> {
  if (config.profile !== "prod") {
    const applied = await migrate(database.migrateOptions);
    const role = config.database.kind === "postgres" ? config.database.serviceRole : null;
    if (role !== null) await grantServiceRights(database.migrateOptions, role);
    if (applied.length > 0) log.info({ applied }, "the schema is up to date");
    return;
  }
  const pending = await pendingMigrations(database.options);
  if (pending.length > 0)
    throw new OldSchema(`run \`sluice migrate\` as the owner first: ${pending.join(", ")} are missing`);
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message || fault.name : String(fault);
}
