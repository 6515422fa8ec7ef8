// One folder for everything that one run of the tests leaves lying about, removed at its end; vitest's global setup.
//
// In memory where the machine has room for it, and then TMPDIR names it, so `tmpdir()` of every test and program is in it:
// servers start and end there in a third of the time, and no test asks what a disk has after the machine went down.
// It also keeps what Node compiled, so that the hundreds of processes of a run do not each compile the same modules, and
// the PostgreSQL cluster that all others are copied from (postgres-template.ts).
import { accessSync, chmodSync, constants, mkdtempSync, readdirSync, rmSync, statfsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MEMORY = "/dev/shm";
/** What a run needs at once, several times over. A container's 64 MB are not enough. */
const LEAST_FREE_BYTES = 4 * 2 ** 30;
const NAME = "sluice-run-";
/** Programs that run as another user than we put their files there, too. */
const AS_TMP = 0o1777;

export default function openRunFolder(): () => void {
  const isInMemory = hasRoom();
  const parent = isInMemory ? MEMORY : tmpdir();
  removeAbandoned(parent);
  const folder = mkdtempSync(join(parent, `${NAME}${process.pid}-`));
  chmodSync(folder, AS_TMP);
  // Elsewhere the names of sockets in it would become too long.
  if (isInMemory) process.env.TMPDIR = folder;
  process.env.SLUICE_TEST_RUN_FOLDER = folder;
  process.env.NODE_COMPILE_CACHE ??= join(folder, "compiled");
  return () => rmSync(folder, { recursive: true, force: true });
}

/** The folder of this run; null in a process that is no test. */
export function runFolder(): string | null {
  return process.env.SLUICE_TEST_RUN_FOLDER ?? null;
}

function hasRoom(): boolean {
  try {
    accessSync(MEMORY, constants.W_OK);
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize >= LEAST_FREE_BYTES;
  } catch {
    return false;
  }
}

/** A run that was killed could not: its folder is known by the number of a process that is no more. */
function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = Number(new RegExp(`^${NAME}(\\d+)-`).exec(name)?.[1]);
    if (pid > 0 && !isAlive(pid)) removeIfOurs(join(parent, name));
  }
}

/** On a machine with several users it may be another one's, who removes it at his next run. */
function removeIfOurs(folder: string): void {
  const owner = statSync(folder, { throwIfNoEntry: false })?.uid;
  if (owner === process.getuid?.()) rmSync(folder, { recursive: true, force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (fault) {
    return (fault as NodeJS.ErrnoException).code === "EPERM";
  }
}
