// Writes when managed credentials were last used, once a minute and once more at the end.
//
// Promise: nobody waits for it, and however many instances see a credential used, its row is written at most once a minute.
// While PostgreSQL is away uses are kept in memory (credential-uses.ts). A killed process loses those of its last minute.

import { setTimeout as pause } from "node:timers/promises";
import { queryWithin } from "../platform/bounded-query.ts";
import type { RebuildablePool } from "../platform/pool.ts";
import { type CredentialUse, CredentialUses } from "./credential-uses.ts";
import type { ManagedCredentials } from "./credentials.ts";
import type { ManagedCaller } from "./service-credential.ts";

const WRITE_EVERY_MS = 60_000;
const WRITE_TIMEOUT_MS = 2_000;
/** At the end of the process, which has other things to end well. */
const LAST_WRITE_MS = 500;

export type CredentialUseParts = Readonly<{
  pool: RebuildablePool;
  everyMs?: number;
  onFault: (fault: unknown) => void;
}>;

export type CredentialUseKeeper = Readonly<{
  /** The same credentials; whoever proves itself by one is noted. */
  noting: (credentials: (sha256: string) => ManagedCaller | null) => ManagedCredentials;
  close: () => Promise<void>;
}>;

export function keepCredentialUses({
  pool,
  everyMs = WRITE_EVERY_MS,
  onFault,
}: CredentialUseParts): CredentialUseKeeper {
  const uses = new CredentialUses();
  const write = async (timeoutMs: number) => {
    const drained = uses.drain();
    if (drained.length === 0) return;
    await writeCredentialUses(pool, drained, timeoutMs).catch((fault) => {
      uses.putBack(drained);
      onFault(fault);
    });
  };
  let running = Promise.resolve();
  const timer = setInterval(() => {
    running = running.then(() => write(WRITE_TIMEOUT_MS));
  }, everyMs);
  return {
    noting: (credentials) => (sha256) => {
      const caller = credentials(sha256);
      if (caller !== null) uses.note(caller.credentialId, Date.now());
      return caller;
    },
    close: async () => {
      clearInterval(timer);
      const written = running.then(() => write(LAST_WRITE_MS));
      // A connection that is not there yet takes longer than a statement may.
      await Promise.race([written, pause(LAST_WRITE_MS, undefined, { ref: false })]);
    },
  };
}

/** Those of credentials that are gone are left out, and so are uses less than a minute after the one that is stored. */
async function writeCredentialUses(
  pool: RebuildablePool,
  uses: readonly CredentialUse[],
  timeoutMs: number,
): Promise<void> {
  await queryWithin(
    pool,
    timeoutMs,
    `insert into service_credential_uses as stored (credential_id, last_used_at)
      select id, seen.at from service_credentials
      join unnest($1::uuid[], $2::timestamptz[]) as seen (credential_id, at) on seen.credential_id = id
      order by id
      on conflict (credential_id) do update set last_used_at = excluded.last_used_at
        where excluded.last_used_at - interval '1 minute' >= stored.last_used_at`,
    [uses.map(({ credentialId }) => credentialId), uses.map(({ atMs }) => new Date(atMs))],
  );
}
