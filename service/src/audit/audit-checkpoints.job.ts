// Signs where the audit chain ends and carries that out of the database, again and again: to every sink, and into a
// table, where it warns but proves nothing.
//
// Promise: what was committed is vouched for outside within a minute, and a chain that stands still once an hour, so that
// a missing checkpoint is noticed. One instance writes at a time; two would only write more. A checkpoint counts as
// written when every sink has it; after a fault the next attempt comes soon, and the tally tells since when the end of the
// chain is not vouched for. Nothing waits for this.
import type { KeyObject } from "node:crypto";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Log } from "../platform/log.ts";
import type { CheckpointTally } from "../platform/metrics-audit.ts";
import type { AuditTables } from "./audit-tables.ts";
import { type ChainHead, checkSignature, keyIdOf, type SignedCheckpoint, signCheckpoint } from "./checkpoint.ts";

/** Half of what is promised: a fault and a second attempt fit into the rest. */
const EVERY_MS = 30_000;
const RETRY_MS = 5_000;
const STANDSTILL_MS = 3_600_000;
/** Any constant: instances agree on it. */
const WRITER_LOCK = 7_308_332_209;

/** Carries a checkpoint out; resolves once it is safe there. */
export type CheckpointSink = (checkpoint: SignedCheckpoint) => Promise<void> | void;

export type CheckpointWriter = Readonly<{
  database: Kysely<AuditTables>;
  /** Ed25519, private. */
  signingKey: KeyObject;
  sinks: readonly CheckpointSink[];
}>;

export type CheckpointJob = Readonly<{ tally: () => CheckpointTally; close: () => Promise<void> }>;

/** What an attempt came to. */
export type CheckpointRound =
  | Readonly<{ kind: "written"; checkpoint: SignedCheckpoint }>
  /** There is nothing to vouch for that `last` does not. */
  | Readonly<{ kind: "vouched"; last: SignedCheckpoint }>
  /** Another instance is at it. */
  | Readonly<{ kind: "passed" }>;

export function startAuditCheckpoints(
  writer: CheckpointWriter,
  onFault: (fault: unknown, tally: CheckpointTally) => void,
  everyMs = EVERY_MS,
): CheckpointJob {
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let tally: CheckpointTally = { failures: 0, lastLeftAtMs: null, vouchedAtMs: null };
  const act = async () => {
    let nextMs = everyMs;
    const nowMs = Date.now();
    try {
      tally = tallyAfter(tally, await writeCheckpoint(writer, nowMs), nowMs);
    } catch (fault) {
      nextMs = Math.min(RETRY_MS, everyMs);
      tally = { ...tally, failures: tally.failures + 1 };
      onFault(fault, tally);
    }
    if (!isClosed) timer = setTimeout(() => (running = act()), nextMs).unref();
  };
  let running = act();
  return {
    tally: () => tally,
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      await running;
    },
  };
}

function tallyAfter(before: CheckpointTally, round: CheckpointRound, nowMs: number): CheckpointTally {
  if (round.kind === "passed") return before;
  const newest = round.kind === "written" ? round.checkpoint : round.last;
  return { ...before, lastLeftAtMs: Date.parse(newest.at), vouchedAtMs: nowMs };
}

export async function writeCheckpoint(writer: CheckpointWriter, nowMs: number): Promise<CheckpointRound> {
  const { database, signingKey, sinks } = writer;
  return await database.transaction().execute(async (transaction) => {
    if (!(await isOnlyWriter(transaction))) return { kind: "passed" };
    const head = await readChainHead(transaction);
    const last = await readLastCheckpoint(transaction);
    if (last !== null && vouchesFor(last, head, signingKey, nowMs)) return { kind: "vouched", last };
    const checkpoint = signCheckpoint(head, nowMs, signingKey);
    await Promise.all(sinks.map((sink) => sink(checkpoint)));
    await transaction
      .insertInto("audit_checkpoints")
      .values({ checkpoint: JSON.stringify(checkpoint) })
      .execute();
    return { kind: "written", checkpoint };
  });
}

/** To the service's log, whatever its level: a checkpoint that is not logged has not left. `silent` stays silent. */
export function logSink(log: Log): CheckpointSink {
  const always = log.child({}, { level: log.level === "silent" ? "silent" : "info" });
  return (checkpoint) => always.info({ checkpoint }, "audit checkpoint");
}

/** The table may hold anything, so only what this key has signed is believed. */
function vouchesFor(last: SignedCheckpoint, head: ChainHead, signingKey: KeyObject, nowMs: number): boolean {
  const keys = new Map([[keyIdOf(signingKey), signingKey]]);
  const isSame = last.chain === head.chain && last.seq === head.seq && last.hash === head.hash;
  const ageMs = nowMs - Date.parse(last.at);
  return isSame && ageMs >= 0 && ageMs < STANDSTILL_MS && checkSignature(last, keys) === "valid";
}

async function isOnlyWriter(transaction: Transaction<AuditTables>): Promise<boolean> {
  const locked = await sql<{ locked: boolean }>`
    select pg_try_advisory_xact_lock(${WRITER_LOCK}) as locked`.execute(transaction);
  return locked.rows[0]?.locked ?? false;
}

/** The name of a WAL file begins with the timeline, in hexadecimal. */
async function readChainHead(transaction: Transaction<AuditTables>): Promise<ChainHead> {
  const { rows } = await sql<ChainHead>`
    select
      chain, seq, encode(hash, 'hex') as hash,
      (select system_identifier::text from pg_control_system()) as "systemId",
      ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int as timeline
    from audit_head`.execute(transaction);
  if (rows[0] === undefined) throw new Error("The table audit_head has lost its one row: restore the database.");
  return rows[0];
}

async function readLastCheckpoint(transaction: Transaction<AuditTables>): Promise<SignedCheckpoint | null> {
  const last = transaction.selectFrom("audit_checkpoints").select("checkpoint").orderBy("id", "desc").limit(1);
  return (await last.executeTakeFirst())?.checkpoint ?? null;
}
