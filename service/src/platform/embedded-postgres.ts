// PostgreSQL with nothing installed: PGlite in a worker thread, behind the wire protocol on a Unix socket.
//
// Promise: production's code and SQL run unchanged, over the URL given here. One process per data folder, by a lock
// file; the folder and its socket are for its owner only. What a commit acknowledged survives the end of the process in
// any way, not a power failure (PGlite does not sync).
// Known gaps: all connections share one session, so no SET, temporary table or advisory lock may outlive a transaction;
// and they run one transaction at a time, so code that waits for a second connection inside one waits forever.
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { lockFolder } from "./embedded-postgres-lock.ts";

/** The name that clients derive from a socket's folder and the default port. */
const SOCKET_FILE = ".s.PGSQL.5432";
/** The address of a Unix socket holds 103 bytes on macOS, 107 on Linux. */
const MAX_SOCKET_PATH_BYTES = 103;
const CLOSE_TIMEOUT_MS = 5_000;

export type EmbeddedPostgres = Readonly<{
  /** What openPostgres takes. */
  url: string;
  close: () => Promise<void>;
}>;

export type EmbeddedPostgresOptions = Readonly<{
  /** Made if missing. */
  folder: string;
  /** Told when the database ends by itself: every later query fails until the process restarts. */
  onDeath?: (fault: Error) => void;
}>;

/** Throws, naming the other process, when the folder is in use. */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const folder = resolve(options.folder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const lock = await lockFolder(folder);
  const sockets = await socketFolder(folder);
  const workerData = { dataFolder: join(folder, "postgres"), socketPath: join(sockets, SOCKET_FILE) };
  // Flags of this process, such as a snippet to evaluate, are not the worker's.
  const worker = new Worker(new URL("./embedded-postgres-worker.ts", import.meta.url), { workerData, execArgv: [] });
  const release = async () => {
    await rm(sockets, { recursive: true, force: true });
    await lock.release();
  };
  try {
    await once(worker, "message");
  } catch (fault) {
    await release();
    throw new Error(`The embedded database in ${folder} does not start: ${messageOf(fault)}`, { cause: fault });
  }
  let death: Error | null = null;
  worker.on("error", (fault) => {
    death = fault instanceof Error ? fault : new Error(String(fault));
    options.onDeath?.(death);
  });
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  // The listening thread must not keep a process alive that has nothing else to do.
  worker.unref();
  const close = async () => {
    worker.ref();
    if (death === null) worker.postMessage("close");
    const killer = setTimeout(() => void worker.terminate(), CLOSE_TIMEOUT_MS);
    await ended;
    clearTimeout(killer);
    await release();
  };
  return { url: `postgres://postgres@/postgres?host=${encodeURIComponent(sockets)}`, close };
}

/** A folder that only this user can enter, short enough to name a socket in. */
async function socketFolder(folder: string): Promise<string> {
  const preferred = join(folder, "socket");
  if (Buffer.byteLength(join(preferred, SOCKET_FILE)) > MAX_SOCKET_PATH_BYTES) {
    return await mkdtemp(join(tmpdir(), "sluice-"));
  }
  // What a killed process left is ours to remove: we hold the lock.
  await rm(preferred, { recursive: true, force: true });
  await mkdir(preferred, { mode: 0o700 });
  return preferred;
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}
