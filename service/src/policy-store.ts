// The policies of one process: PostgreSQL's newest, before that the snapshot file's, before that none.
//
// Promise: opening never waits for PostgreSQL. One process of an instance (`keeper`) brings the schema up to date where
// its role may, and writes the snapshot file; a PostgreSQL that is away is tried again until it is there.
import { join } from "node:path";
import { setImmediate as pause, setTimeout as wait } from "node:timers/promises";
import type { PolicyView } from "./check/asked.ts";
import type { Config } from "./config.ts";
import type { Log } from "./platform/log.ts";
import type { Metrics } from "./platform/metrics.ts";
import { migrate, pendingMigrations } from "./platform/migrate.ts";
import { openPostgres, type Postgres } from "./platform/postgres.ts";
import type { PolicyTables } from "./policies/policy-tables.ts";
import { DEFAULT_POLL_MS, type PolicySync, startPolicySync } from "./policies/policies.sync.ts";
import { compileSnapshot } from "./policies/snapshot-compile.ts";
import type { CompiledSnapshot } from "./policies/snapshot-compiled.ts";
import { keepSnapshotFile } from "./policies/snapshot-file.sync.ts";
import { readSnapshotFile } from "./policies/snapshot-read.file.ts";
import type { OpenDatabase } from "./stores.ts";

const MIGRATE_AGAIN_MS = 2_000;

export type PolicyStore = Readonly<{
  view: PolicyView;
  postgres: Postgres<PolicyTables>;
  /** Resolves with the first confirmation by PostgreSQL. */
  ready: Promise<void>;
  version: () => number;
  close: () => Promise<void>;
}>;

export type PolicyStoreParts = Readonly<{
  config: Config;
  database: OpenDatabase;
  keeper: boolean;
  metrics: Metrics;
  log: Log;
}>;

export async function openPolicyStore(parts: PolicyStoreParts): Promise<PolicyStore> {
  const { config, database, keeper, metrics, log } = parts;
  const closing = new AbortController();
  const schema = keeper ? bringSchemaUpToDate(parts, closing.signal) : Promise.resolve();
  const file = { path: join(config.dataDir, "policies.snapshot"), key: config.snapshotKey.reveal() };
  const postgres = openPostgres<PolicyTables>(database.options);
  const sync = startPolicySync({
    postgres,
    initial: await readKeptSnapshot(parts, file),
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
    ? keepSnapshotFile(sync, file, (fault) => log.error({ fault: messageOf(fault) }, "the snapshot file was not written"))
    : null;
  return {
    view: viewOf(sync),
    postgres,
    ready: schema.then(() => sync.ready),
    version: () => sync.current()?.version.version ?? 0,
    close: async () => {
      closing.abort();
      clearInterval(telling);
      await kept?.close();
      await sync.close();
      await postgres.close();
    },
  };
}

function viewOf(sync: PolicySync): PolicyView {
  return {
    snapshot: () => sync.current(),
    confirmedAgoMs: () => Date.now() - (sync.confirmedAtMs() ?? Number.NEGATIVE_INFINITY),
    retryInMs: () => DEFAULT_POLL_MS,
  };
}

async function readKeptSnapshot({ metrics, log }: PolicyStoreParts, file: { path: string; key: string }) {
  const read = await readSnapshotFile(file);
  if (read.kind === "read") return await compileSnapshot(read.source, pause);
  if (read.kind === "refused") {
    metrics.snapshotFileRejected();
    log.error({ file: file.path, reason: read.reason }, "the snapshot file is ignored");
  }
  return null;
}

/** In `prod` the schema is a job's matter, and an old one is refused; a PostgreSQL that is away is waited for. */
async function bringSchemaUpToDate({ config, database, log }: PolicyStoreParts, closed: AbortSignal): Promise<void> {
  while (!closed.aborted) {
    try {
      if (config.profile !== "prod") {
        const applied = await migrate(database.migrateOptions);
        if (applied.length > 0) log.info({ applied }, "the schema is up to date");
        return;
      }
      const pending = await pendingMigrations(database.options);
      if (pending.length === 0) return;
      log.fatal({ pending }, "the schema is older than this release: run `sluice migrate` as the owner first");
      process.exit(1);
    } catch (fault) {
      log.warn({ fault: messageOf(fault) }, "PostgreSQL is away: the schema will be looked at again");
      await wait(MIGRATE_AGAIN_MS, undefined, { signal: closed }).catch(() => undefined);
    }
  }
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message || fault.name : String(fault);
}
