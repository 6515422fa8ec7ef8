// Where `sluice login` keeps its sessions: one file for its owner only, with one session for each service.
//
// Promise: a reader sees a whole file; of several commands that change it, one does at a time. The lock is a file; one left
// by a command that was killed is taken over once it is older than any command holds it. Should two take it over at once,
// the service answers both with the same tokens (service/src/auth/refresh.pg.ts).
// Not here: what a session is good for (session.ts).
import { mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { writeAtomically } from "../atomic-file.ts";
import { CommandFailure, EXIT } from "../exit-codes.ts";
import type { Terminal } from "../terminal.ts";

export type StoredSession = Readonly<{
  loginId: string;
  accessToken: string;
  accessTokenExpiresAt: string;
  refreshToken: string;
  refreshTokenExpiresAt: string;
}>;

export type Sessions = Readonly<{
  /** The URL of the last login: where commands go that name none. */
  latest: string | null;
  /** By URL. A token is never shown to another one. */
  sessions: Readonly<Record<string, StoredSession>>;
}>;

/** Of the file: another number means that the rest means something else. */
const FORMAT = 1;
const OWNER_ONLY = 0o600;
/** Longer than any command holds the lock: it asks the service once, within 10 s. */
const LOCK_LIFE_MS = 20_000;
/** Beyond this something else is wrong, such as a clock that was turned back. */
const LONGEST_WAIT_MS = 60_000;
const LOOK_AGAIN_MS = 20;

export function sessionsPath(environment: Terminal["environment"]): string {
  // The specification tells to ignore a relative one.
  const configured = environment.XDG_CONFIG_HOME?.startsWith("/") ? environment.XDG_CONFIG_HOME : null;
  return join(configured ?? join(environment.HOME ?? homedir(), ".config"), "sluice", "sessions.json");
}

export async function readSessions(path: string): Promise<Sessions> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (fault) {
    if (fault instanceof Error && "code" in fault && fault.code === "ENOENT") return { latest: null, sessions: {} };
    throw new CommandFailure(EXIT.auth, `The sessions cannot be read: ${messageOf(fault)}`);
  }
  const { format, latest = null, sessions = {} } = parse(text) as Partial<Sessions & { format: number }>;
  if (format === FORMAT) return { latest, sessions };
  throw new CommandFailure(EXIT.auth, `${path} is not of this release: remove it, and sign in again.`);
}

/** `change` is given what is there, alone; what it returns is written. It may return the same, to write nothing. */
export async function changeSessions(
  path: string,
  change: (before: Sessions) => Promise<Sessions> | Sessions,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await lock(`${path}.lock`);
  try {
    const before = await readSessions(path);
    const after = await change(before);
    if (after === before) return;
    await writeAtomically(path, `${JSON.stringify({ format: FORMAT, ...after }, null, 2)}\n`, OWNER_ONLY);
  } finally {
    await rm(`${path}.lock`, { force: true });
  }
}

async function lock(path: string): Promise<void> {
  const deadline = performance.now() + LONGEST_WAIT_MS;
  while (performance.now() < deadline) {
    try {
      await (await open(path, "wx", OWNER_ONLY)).close();
      return;
    } catch (fault) {
      if (!(fault instanceof Error && "code" in fault && fault.code === "EEXIST")) throw fault;
    }
    const held = await stat(path).catch(() => null);
    if (held !== null && Date.now() - held.mtimeMs > LOCK_LIFE_MS) await rm(path, { force: true });
    else await pause(LOOK_AGAIN_MS);
  }
  throw new CommandFailure(EXIT.conflict, `${path} is held by another command: remove it if none is running.`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}
