// An administrator who makes one small change after the other through the Admin API, and remembers what was acknowledged.
//
// A change without an answer is unknown: it may be there or not, and is not repeated.
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { RunningStack } from "../../../stack/src/stack.ts";

const EVERY_MS = 200;
/** A commit that hangs is given up; the next one is tried. */
const GIVE_UP_MS = 2_000;

export type AdminWrites = Readonly<{
  /** Names of plans whose creation was acknowledged. */
  acknowledged: readonly string[];
  /** When each was, UTC ms. */
  acknowledgedAtMs: readonly number[];
  /** What came instead. */
  refused: readonly RefusedWrite[];
}>;

/** `status` 0: no answer. */
export type RefusedWrite = Readonly<{ atMs: number; status: number; code: string | null }>;

export type AdminWriter = Readonly<{
  writes: AdminWrites;
  stop: () => Promise<void>;
  /** How many acknowledged plans the database does not have. */
  lost: () => Promise<number>;
}>;

export async function startAdminWriter(stack: RunningStack): Promise<AdminWriter> {
  const token = await login(stack);
  const acknowledged: string[] = [];
  const acknowledgedAtMs: number[] = [];
  const refused: RefusedWrite[] = [];
  let writing = true;
  const written = (async () => {
    for (let number = 1; writing; number += 1) {
      const name = `LAB_${number}`;
      const body = { name, limits: { perSecond: number } };
      const answer = await post(stack, "/admin/plans", body, { authorization: `Bearer ${token}` }).then(
        async (response) => ({ status: response.status, code: codeIn(await response.text()) }),
        () => ({ status: 0, code: null }),
      );
      if (answer.status === 201) {
        acknowledged.push(name);
        acknowledgedAtMs.push(Date.now());
      } else {
        refused.push({ atMs: Date.now(), ...answer });
      }
      await pause(EVERY_MS);
    }
  })();
  return {
    writes: { acknowledged, acknowledgedAtMs, refused },
    stop: async () => {
      writing = false;
      await written;
    },
    lost: async () => {
      const rows = await stack.postgres.sql("select name from plans");
      const kept = new Set(rows.map(({ name }) => name));
      return acknowledged.filter((name) => !kept.has(name)).length;
    },
  };
}

/**
 * The longest time without an acknowledged change, since then and until the writer was stopped. The first change after a
 * strike says little: it may have been on its way already.
 */
export function longestPauseMs({ acknowledgedAtMs }: AdminWrites, sinceMs: number, stoppedMs: number): number {
  const instants = [sinceMs, ...acknowledgedAtMs.filter((atMs) => atMs > sinceMs), stoppedMs];
  return Math.max(...instants.slice(1).map((atMs, index) => atMs - (instants[index] ?? atMs)));
}

/** From `sinceMs` to the first change acknowledged after it; infinite when there was none. */
export function firstWriteAfterMs({ acknowledgedAtMs }: AdminWrites, sinceMs: number): number {
  return (acknowledgedAtMs.find((atMs) => atMs > sinceMs) ?? Number.POSITIVE_INFINITY) - sinceMs;
}

/** Of a problem; null in any other text. */
function codeIn(text: string): string | null {
  return /"code":"([A-Z_]+)"/.exec(text)?.[1] ?? null;
}

async function login(stack: RunningStack): Promise<string> {
  const response = await post(stack, "/admin/auth/login", stack.secrets.admin, {});
  if (response.status !== 200) throw new Error(`The administrator cannot sign in: ${await response.text()}`);
  return ((await response.json()) as { accessToken: string }).accessToken;
}

function post(stack: RunningStack, path: string, body: object, headers: Readonly<Record<string, string>>) {
  return fetch(new URL(path, stack.balancer.adminUrl), {
    method: "POST",
    headers: { ...headers, "content-type": "application/json", "idempotency-key": randomUUID() },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(GIVE_UP_MS),
  });
}
