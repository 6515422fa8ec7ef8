// A streaming replica of a test's PostgreSQL: a base backup of it, which follows it on a port of its own.
//
// Promise: it answers when `startReplica` returns; gone with its folder after `stop`; never outlives the test process.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { claimPort } from "./ports.ts";
import { asServerUser, giveToServerUser, run, startPostmaster, type TestPostgres } from "./postgres.ts";
import { waitFor } from "./wait.ts";

const START_TIMEOUT_MS = 20_000;

export type TestReplica = Readonly<{
  url: (database: string) => string;
  /** It receives, and applies nothing of it: as behind a long query that keeps its snapshot. */
  pauseReplay: () => Promise<void>;
  resumeReplay: () => Promise<void>;
  /** It receives nothing any more, and has applied everything that it received. */
  cutOff: () => Promise<void>;
  /** Resolves when it has applied everything that the primary has written until now. */
  caughtUp: () => Promise<void>;
  promote: () => Promise<void>;
  /** SIGKILL of all its processes: a backend whose postmaster is gone would still answer until it notices. */
  kill: () => Promise<void>;
  stop: () => Promise<void>;
}>;

export async function startReplica(primary: TestPostgres): Promise<TestReplica> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-replica-"));
  const data = join(folder, "data");
  const port = await claimPort();
  const url = (database: string) => `postgres://postgres@127.0.0.1:${port}/${database}`;
  await giveToServerUser(folder);
  const from = ["-h", "127.0.0.1", "-p", String(primary.port), "-U", "postgres"];
  // -R writes where it comes from, and that it is a standby.
  const backup = [...from, "-D", data, "-R", "-X", "stream", "-c", "fast", "--no-sync"];
  await asServerUser(join(primary.programs, "pg_basebackup"), backup);
  const server = await startPostmaster(primary.programs, data, port);
  const tell = (sql: string) => run(url("postgres"), sql);
  const stop = async () => {
    server.signal("SIGINT");
    await server.ended;
    await rm(folder, { recursive: true, force: true });
  };
  await waitFor(`the replica on port ${port}`, () => tell("select 1"), START_TIMEOUT_MS).catch(async (fault) => {
    await stop();
    throw new Error(`${fault instanceof Error ? fault.message : fault} It said:\n${server.output()}`);
  });
  return {
    url,
    pauseReplay: async () => {
      await tell("select pg_wal_replay_pause()");
      await waitFor("replay to stand still", async () => {
        const [row] = await tell("select pg_get_wal_replay_pause_state() as state");
        return row?.state === "paused";
      });
    },
    resumeReplay: async () => void (await tell("select pg_wal_replay_resume()")),
    cutOff: async () => {
      await tell("alter system set primary_conninfo = ''");
      await tell("select pg_reload_conf()");
      await waitFor("its receiver to end", async () => (await tell("select from pg_stat_wal_receiver")).length === 0);
    },
    caughtUp: async () => {
      const [state] = await run(primary.url("postgres"), "select pg_current_wal_lsn()::text as lsn");
      await waitFor("the replica to catch up", async () => {
        const [row] = await tell(`select pg_last_wal_replay_lsn() >= '${state?.lsn}'::pg_lsn as has`);
        return row?.has;
      });
    },
    promote: async () => void (await tell("select pg_promote(true)")),
    kill: async () => {
      const processes = await tell("select pid from pg_stat_activity");
      await server.kill();
      for (const { pid } of processes) killIfThere(Number(pid));
    },
    stop,
  };
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== "ESRCH") throw fault;
  }
}
