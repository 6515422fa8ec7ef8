// One process per folder: a lock file that names its owner.
//
// The owner is a pid with the instant it started, because pids come again: in a container every start may have the same
// one. A lock whose owner is gone is taken over. Where the system tells no start instant (not Linux), a pid that lives
// counts as the owner. Not here: locks between machines; a data folder is never shared.
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const LOCK_FILE = "lock";
/** Each attempt removes one lock whose owner is gone; more than a few means somebody else is doing the same. */
const MAX_ATTEMPTS = 5;

export type FolderLock = Readonly<{ release: () => Promise<void> }>;

export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = join(folder, LOCK_FILE);
  const draft = `${path}.${process.pid}.${performance.now()}`;
  const mine = JSON.stringify({ pid: process.pid, startedAt: await startOf(process.pid) });
  await writeFile(draft, mine, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (await linked(draft, path)) return { release: () => removeIfSame(path, mine) };
      const found = await readFile(path, "utf8").catch(() => null);
      if (found === null) continue;
      const owner = parseOwner(found);
      if (owner !== null && (await isAlive(owner))) throw new Error(inUse(folder, owner.pid));
      await removeIfSame(path, found);
    }
  } finally {
    await rm(draft, { force: true });
  }
  throw new Error(`The lock ${path} keeps changing hands: another process starts on ${folder} at the same time.`);
}

type Owner = Readonly<{ pid: number; startedAt: string | null }>;

/** A hard link is made whole or not at all, so nobody ever reads half a lock. */
async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (fault) {
    if (fault instanceof Error && "code" in fault && fault.code === "EEXIST") return false;
    throw fault;
  }
}

/** Moved aside before it is removed: if another process put its own lock there meanwhile, that one goes back. */
async function removeIfSame(path: string, expected: string): Promise<void> {
  const aside = `${path}.${process.pid}.aside`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await readFile(aside, "utf8")) !== expected) await linked(aside, path);
  await rm(aside, { force: true });
}

/** Null for a file that is not ours to understand, such as one emptied by a full disk: nobody holds that lock. */
function parseOwner(text: string): Owner | null {
  try {
    const { pid, startedAt } = JSON.parse(text) as Partial<Owner>;
    return typeof pid === "number" && pid > 0 ? { pid, startedAt: startedAt ?? null } : null;
  } catch {
    return null;
  }
}

async function isAlive({ pid, startedAt }: Owner): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (fault) {
    // EPERM: it lives, and belongs to another user.
    return fault instanceof Error && "code" in fault && fault.code === "EPERM";
  }
  return startedAt === null || (await startOf(pid)) === startedAt;
}

/** Boot and clock ticks since boot at which the process started; null where there is no /proc. */
async function startOf(pid: number): Promise<string | null> {
  try {
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // Field 22 of proc(5), counted behind the command, which may itself hold spaces and parentheses.
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return `${boot.trim()}/${ticks}`;
  } catch {
    return null;
  }
}

function inUse(folder: string, pid: number): string {
  return (
    `${folder} is in use by process ${pid}. Stop that process, or give this one a folder of its own ` +
    "(SLUICE_DATA_DIR), or use a PostgreSQL server that both can share (SLUICE_DATABASE_URL)."
  );
}
