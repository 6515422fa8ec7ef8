// F25: the disk of PostgreSQL is full. First its tables cannot grow, and it refuses changes; then it cannot write its log
// (WAL), and stops. Administrators are refused in so many words, checks go on from memory, and usage waits in the processes.
// Not here: an archive of the log that fails, which the templates do not have.
import { type AdminWriter, firstWriteAfterMs } from "../lab/admin-writer.ts";
import { COUNTS_KEPT, EVERY_FAULT, NO_FALLBACK, RATES_HOLD, USAGE_EXACT } from "../lab/expectations.ts";
import type { Fault, World } from "../lab/fault.ts";
import { ADMIN_LOST, administratorsAtWork, everyTenant } from "./parts.ts";

const DISK = "postgres";
/** A new cluster and its migrated database take a third of it. */
const DISK_MIB = 256;
/** In which there is a log to write, but no table that could grow. */
const LOG_LASTS_MS = 4_000;

const ADMIN_BACK_MS = "adminWritesMs";
const REFUSED = "changes refused with 503 and a code";
const UNCLEAR = "changes refused otherwise";
const ENDED = "servers that could write no log";
const UNANSWERED = "changes without an answer";

export const databaseDiskFull: Fault = databaseDiskFullFault();

function databaseDiskFullFault(): Fault {
  let writer: AdminWriter | null = null;
  let freedMs = 0;
  return {
    id: "F25",
    name: "database disk full",
    about:
      `A file takes the last byte of the small disk (tmpfs, ${DISK_MIB} MiB) of a single PostgreSQL under administrators' ` +
      "changes; seconds later the log has no segment left, either. The file is removed, and PostgreSQL started again.",
    stack: { smallDisks: [{ name: DISK, sizeMiB: DISK_MIB }] },
    faultMs: 12_000,
    recoveryMs: 10_000,
    usage: true,
    inflict: async (world) => {
      writer = await administratorsAtWork(world);
      await world.stack.diskOf(DISK).fill();
      await world.pause(LOG_LASTS_MS);
      await endLog(world);
      return everyTenant(world);
    },
    mend: async ({ stack, tell }) => {
      await stack.diskOf(DISK).free();
      freedMs = Date.now();
      const ended = stack.postgres.nodes.filter((node) => !node.isRunning());
      tell(ENDED, ended.length);
      await Promise.all(ended.map((node) => node.start()));
    },
    inspect: async (world) => {
      await writer?.stop();
      if (writer !== null) await tellOf(writer, freedMs, world);
    },
    expectations: [
      ...EVERY_FAULT,
      ...USAGE_EXACT,
      NO_FALLBACK,
      ...COUNTS_KEPT,
      RATES_HOLD,
      { figure: REFUSED, atLeast: 1, why: "the disk was full for administrators" },
      { figure: ENDED, atLeast: 1, why: "the log was full, too" },
      { figure: UNCLEAR, atMost: 0, why: "a full disk is no fault of the request, and says so" },
      { figure: ADMIN_LOST, atMost: 0, why: "what was acknowledged is on the disk" },
      { figure: ADMIN_BACK_MS, atMost: 5_000, why: "administrators can write again" },
    ],
  };
}

/** Leaves the rest of the segment: the next change needs a new one. The server may not live to answer. */
async function endLog({ stack }: World): Promise<void> {
  await stack.postgres.sql("select pg_switch_wal()").catch(() => undefined);
}

async function tellOf({ writes, lost }: AdminWriter, freedMs: number, world: World): Promise<void> {
  const answered = writes.refused.filter(({ status }) => status !== 0);
  const clean = answered.filter(({ status, code }) => status === 503 && code !== null);
  world.tell(REFUSED, clean.length);
  world.tell(UNCLEAR, answered.length - clean.length);
  world.tell(UNANSWERED, writes.refused.length - answered.length);
  world.tell(ADMIN_BACK_MS, firstWriteAfterMs(writes, freedMs));
  world.tell(ADMIN_LOST, await lost());
}
