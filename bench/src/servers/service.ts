// One real worker of the service, as `serve` starts it, on the bench's PostgreSQL and Redis.
//
// Authentication is off, as in `dev`.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CHECK_PATH } from "@sluice/service/check/check.http.ts";
import { claimPort } from "../../../service/test/ports.ts";
import { startProcess } from "../../../service/test/processes.ts";
import { waitFor } from "../../../service/test/wait.ts";
import { DECIDED } from "../requests.ts";

const START_MS = 30_000;

/** In what a scenario's service may differ from that of the others. */
export type ServiceSettings = Readonly<{
  checkDeadlineMs: number;
  /** Where the service's process is made to write down its stalls (see stalls/); null = it is not watched. */
  stallsFile: string | null;
  /** Of writing usage. */
  snapshotIntervalMs: number;
}>;

/**
 * A wide deadline: on a busy machine 8 ms would let the Fallback answer now and then, which costs less than a decision
 * and would cut off the slow end of latencies.
 */
export const UNHURRIED: ServiceSettings = { checkDeadlineMs: 5_000, stallsFile: null, snapshotIntervalMs: 5_000 };

export type ServiceOptions = ServiceSettings &
  Readonly<{ databaseUrl: string; redisUrl: string; profile: string | null }>;

export type BenchService = Readonly<{
  pid: number;
  port: number;
  opsPort: number;
  /** The text of a single decision, for its size. */
  answerTo: (body: string) => Promise<string>;
  stop: () => Promise<void>;
}>;

/** Resolves when `firstCheck`, a body, is decided by counters. */
export async function startService(options: ServiceOptions, firstCheck: string): Promise<BenchService> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  const [port, opsPort] = [await claimPort(), await claimPort()];
  const program = fileURLToPath(import.meta.resolve("@sluice/service/main.ts"));
  const child = await startProcess(process.execPath, [...flagsOf(options), program], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      SLUICE_PROFILE: "dev",
      SLUICE_LOG_LEVEL: "warn",
      SLUICE_WORKERS: "1",
      SLUICE_PORT: String(port),
      SLUICE_OPS_PORT: String(opsPort),
      SLUICE_DATA_DIR: folder,
      SLUICE_DATABASE_URL: options.databaseUrl,
      SLUICE_REDIS_URL: options.redisUrl,
      SLUICE_CHECK_DEADLINE_MS: String(options.checkDeadlineMs),
      SLUICE_SNAPSHOT_INTERVAL_MS: String(options.snapshotIntervalMs),
    },
  });
  const answerTo = async (body: string) => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`http://127.0.0.1:${port}${CHECK_PATH}`, { method: "POST", headers, body });
    return await response.text();
  };
  const stop = async () => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitFor(
      "the service decides by its counters",
      async () => {
        if (!child.isRunning()) throw new Error("It has ended.");
        const answer = await answerTo(firstCheck);
        if (!answer.includes(DECIDED)) throw new Error(`It answered ${answer}`);
        return true;
      },
      START_MS,
    );
  } catch (fault) {
    await stop();
    throw new Error(`${fault instanceof Error ? fault.message : fault} It said:\n${child.output()}`);
  }
  return { pid: child.pid, port, opsPort, answerTo, stop };
}

function flagsOf({ profile, stallsFile }: ServiceOptions): string[] {
  const flags = profile === null ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
  if (stallsFile !== null) {
    const preload = new URL("./watched.preload.ts", import.meta.url);
    preload.searchParams.set("into", stallsFile);
    flags.push("--import", preload.href);
  }
  return flags;
}
