// Removes what authentication no longer needs. To be run now and then, by whoever keeps the schedule.
// A session stays for a month after its login, because its network is familiar for that long (login.pg.ts); its refresh
// tokens only while it can be refreshed: until then an old one must be known when it comes back.
import type { Kysely } from "kysely";
import type { AuthTables } from "./auth-tables.ts";
import { forgetAttempts } from "./login-attempts.pg.ts";

const KEPT_SESSION_MS = 31 * 24 * 3_600_000;

export type Forgotten = Readonly<{ attempts: number; refreshTokens: number; sessions: number }>;

export async function forgetEnded(database: Kysely<AuthTables>, nowMs: number): Promise<Forgotten> {
  const now = new Date(nowMs);
  const tokens = await database
    .deleteFrom("refresh_tokens")
    .using("sessions")
    .whereRef("sessions.id", "=", "session_id")
    .where(({ or, eb }) => or([eb("sessions.expires_at", "<=", now), eb("sessions.revoked_at", "is not", null)]))
    .executeTakeFirst();
  const sessions = await database
    .deleteFrom("sessions")
    .where("created_at", "<", new Date(nowMs - KEPT_SESSION_MS))
    .executeTakeFirst();
  return {
    attempts: await forgetAttempts(database, nowMs),
    refreshTokens: Number(tokens.numDeletedRows),
    sessions: Number(sessions.numDeletedRows),
  };
}
