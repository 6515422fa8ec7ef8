// Opens the Admin API of one worker, and keeps what belongs to it: the first admin, and, in the keeper, the schedule that
// vouches for the audit trail and forgets ended sessions.
// Promise: nothing here waits for PostgreSQL at the start; what needs it is tried again until it is there.
import type { RequestListener } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import type { Transaction } from "kysely";
import { createAdminDoor } from "./admin/admin.http.ts";
import type { AdminTables } from "./admin/admin-tables.ts";
import { adminRoutes } from "./admin-routes.ts";
import { appendAudit } from "./audit/audit-append.pg.ts";
import {
  type CheckpointJob,
  type CheckpointSink,
  logSink,
  startAuditCheckpoints,
} from "./audit/audit-checkpoints.job.ts";
import type { AuditTables } from "./audit/audit-tables.ts";
import { appendToFolder } from "./audit/checkpoints.file.ts";
import { openSigningKey } from "./audit/signing-key.file.ts";
import { createAccessTokens } from "./auth/access-token.ts";
import { forgetEnded } from "./auth/auth-retention.pg.ts";
import type { AuthTables } from "./auth/auth-tables.ts";
import { authenticate } from "./auth/authenticate.pg.ts";
import { ensureFirstAdmin, hasUsers } from "./auth/first-admin.pg.ts";
import { parseLoginId } from "./auth/login-id.ts";
import { createPasswordHasher, type PasswordHasher } from "./auth/password-hasher.job.ts";
import { tokenKeySource } from "./auth/token-keys.pg.ts";
import type { Config } from "./config.ts";
import type { Counters } from "./counters/counters.ts";
import type { Explain } from "./explain/explain.ts";
import type { Log } from "./platform/log.ts";
import type { Metrics } from "./platform/metrics.ts";
import type { CheckpointTally } from "./platform/metrics-audit.ts";
import type { Postgres } from "./platform/postgres.ts";
import { openReadDatabase, type ReplicaOptions } from "./platform/read-replica.ts";
import type { TraceIds } from "./platform/trace.ts";

const TRY_AGAIN_MS = 2_000;
const FORGET_EVERY_MS = 3_600_000;

export type AdminDoor = Readonly<{
  handle: RequestListener;
  /** Resolves once the first admin can sign in. */
  ready: Promise<void>;
  close: () => Promise<void>;
}>;

export type AdminParts = Readonly<{
  config: Config;
  postgres: Postgres<AdminTables>;
  replica: ReplicaOptions | null;
  explain: Explain;
  counters: Pick<Counters, "adjust" | "raise" | "nowMs">;
  /** Resolves once the tables are there. */
  schemaReady: Promise<void>;
  /** One process of an instance keeps the schedules. */
  keeper: boolean;
  metrics: Pick<Metrics, "watchAuditCheckpoints">;
  log: Log;
  traceIds: TraceIds;
  onFailure: (cause: unknown, traceId: string) => void;
}>;

export async function openAdminDoor(parts: AdminParts): Promise<AdminDoor> {
  const { config, postgres, replica, log, traceIds, onFailure } = parts;
  const auth = postgres.sql.$pickTables<keyof AuthTables>();
  const { privateKeys, issuer, audience } = config.jwt;
  const keys = tokenKeySource(
    auth,
    privateKeys.map((key) => key.reveal()),
  );
  const accessTokens = createAccessTokens({ keys, issuer, audience });
  const hasher = createPasswordHasher();
  const reports = openReadDatabase<AdminTables>({
    primary: postgres,
    replica,
    onFault: (fault) => log.debug({ err: fault }, "the replica cannot be read: reports come from the primary"),
  });
  const app = await createAdminDoor({
    routes: adminRoutes({ ...parts, reports, hasher, accessTokens, defaultTimeZone: config.defaultTimeZone }),
    database: postgres.sql,
    authenticate: (token) => authenticate(auth, accessTokens, token, Date.now()),
    trustedProxies: config.trustedProxies,
    requestSecret: config.idSecret.reveal(),
    traceIds,
    nowMs: Date.now,
    onFailure,
  });
  const schedules = parts.keeper ? keepSchedules(parts, hasher) : NO_SCHEDULES;
  return {
    handle: (request, response) => app.routing(request, response),
    ready: schedules.ready,
    close: async () => {
      await schedules.close();
      await app.close();
      await reports.close();
    },
  };
}

type Schedules = Readonly<{ ready: Promise<void>; close: () => Promise<void> }>;
const NO_SCHEDULES: Schedules = { ready: Promise.resolve(), close: async () => undefined };

/** They begin once the schema is there. */
function keepSchedules(parts: AdminParts, hasher: PasswordHasher): Schedules {
  const { postgres, log } = parts;
  const closing = new AbortController();
  let checkpoints: CheckpointJob | null = null;
  const begin = async () => {
    await makeFirstAdmin(parts, hasher, closing.signal);
    if (!closing.signal.aborted) checkpoints = await startCheckpoints(parts);
  };
  const begun = parts.schemaReady.then(begin);
  const forgetting = setInterval(() => {
    forgetEnded(postgres.sql.$pickTables<keyof AuthTables>(), Date.now()).catch((fault: unknown) =>
      log.warn({ err: fault }, "ended sessions could not be forgotten: it is tried again"),
    );
  }, FORGET_EVERY_MS);
  return {
    ready: begun,
    close: async () => {
      closing.abort();
      clearInterval(forgetting);
      // Without PostgreSQL nothing has begun, and nothing is waited for.
      await Promise.race([begun, pause(0)]);
      await checkpoints?.close();
    },
  };
}

async function startCheckpoints({ config, postgres, metrics, log }: AdminParts): Promise<CheckpointJob> {
  const { signingKey, checkpointFolder: folder } = config.audit;
  const job = startAuditCheckpoints(
    {
      database: postgres.sql.$pickTables<keyof AuditTables>(),
      signingKey: await openSigningKey(signingKey?.reveal() ?? null, config.dataDir),
      sinks: [logSink(log), ...(folder === null ? [] : [folderSink(folder)])],
    },
    (fault, tally) =>
      log.error({ err: fault, ...toldOf(tally) }, "the audit checkpoint was not written: it is tried again"),
  );
  metrics.watchAuditCheckpoints(job.tally);
  return job;
}

function toldOf({ failures, lastLeftAtMs, vouchedAtMs }: CheckpointTally) {
  const instant = (atMs: number | null) => (atMs === null ? null : new Date(atMs).toISOString());
  return { failures, lastCheckpointAt: instant(lastLeftAtMs), vouchedForUntil: instant(vouchedAtMs) };
}

function folderSink(folder: string): CheckpointSink {
  return (checkpoint) => appendToFolder(folder, checkpoint);
}

/** From the configuration, where there is no user yet; tried until PostgreSQL is there. */
async function makeFirstAdmin({ config, postgres, log }: AdminParts, hasher: PasswordHasher, closed: AbortSignal) {
  if (config.firstAdmin === null) return;
  const loginId = parseLoginId(config.firstAdmin.login);
  if (loginId === null) return;
  while (!closed.aborted) {
    try {
      if (await hasUsers(postgres.sql.$pickTables<keyof AuthTables>())) return;
      const passwordHash = await hasher.hash(config.firstAdmin.password.reveal());
      await postgres.sql.transaction().execute(async (transaction: Transaction<AdminTables>) => {
        const user = await ensureFirstAdmin(transaction.$pickTables<keyof AuthTables>(), { loginId, passwordHash });
        if (user === null) return;
        await appendAudit(transaction.$pickTables<keyof AuditTables>(), {
          ...{ actor: { kind: "SYSTEM", id: "configuration" }, action: "user.create", outcome: "DONE", tenant: null },
          resource: { kind: "user", id: user.id },
          origin: { address: null, userAgent: null, requestId: null },
          before: null,
          after: { loginId: user.loginId, role: user.role },
        });
        log.info({ loginId }, "the first admin was created");
      });
      return;
    } catch (fault) {
      log.warn({ err: fault }, "the first admin could not be created: it is tried again");
      await pause(TRY_AGAIN_MS, undefined, { signal: closed }).catch(() => undefined);
    }
  }
}
