// Sessions in PostgreSQL: opened by a login, refreshed, ended. A session lives while it is not revoked, not expired, its
// user is not disabled, and it carries its user's epoch. All of that is read from the row at every use (authenticate.pg.ts),
// so an end is in force everywhere as soon as it is committed.
// Not here: rotation and reuse of refresh tokens (refresh.pg.ts).
import { sql, type Transaction } from "kysely";
import type { Actor } from "./actor.ts";
import type { AuthEvent } from "./auth-event.ts";
import type { AuthTables } from "./auth-tables.ts";
import { digestOf, firstRefreshToken, newRotationKey, type RefreshToken } from "./refresh-token.ts";

const HOUR_MS = 3_600_000;
export const REFRESH_LIFE_MS = 24 * HOUR_MS;
/** However often it is refreshed: then the password is asked for again. */
const SESSION_LIFE_MS = 7 * 24 * HOUR_MS;

export type OpenedSession = Readonly<{
  sessionId: string;
  refreshToken: RefreshToken;
  refreshTokenExpiresAtMs: number;
}>;

/** Null when the user was disabled, deleted or given another password since `epoch` was read. */
export async function openSession(
  transaction: Transaction<AuthTables>,
  { userId, epoch, network }: Readonly<{ userId: string; epoch: number; network: string }>,
  nowMs: number,
): Promise<OpenedSession | null> {
  const user = await transaction
    .selectFrom("users")
    .select("id")
    .where("id", "=", userId)
    .where("session_epoch", "=", epoch)
    .where("disabled", "=", false)
    .forKeyShare()
    .executeTakeFirst();
  if (user === undefined) return null;
  const { id: sessionId } = await transaction
    .insertInto("sessions")
    .values({
      user_id: userId,
      epoch,
      network,
      rotation_key: newRotationKey(),
      created_at: new Date(nowMs),
      expires_at: new Date(nowMs + SESSION_LIFE_MS),
      revoked_at: null,
      revoked_because: null,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  const refreshToken = firstRefreshToken();
  const refreshTokenExpiresAtMs = nowMs + REFRESH_LIFE_MS;
  await addRefreshToken(transaction, sessionId, refreshToken, refreshTokenExpiresAtMs);
  return { sessionId, refreshToken, refreshTokenExpiresAtMs };
}

export async function addRefreshToken(
  transaction: Transaction<AuthTables>,
  sessionId: string,
  token: RefreshToken,
  expiresAtMs: number,
): Promise<void> {
  await transaction
    .insertInto("refresh_tokens")
    .values({ sha256: digestOf(token), session_id: sessionId, expires_at: new Date(expiresAtMs), used_at: null })
    .execute();
}

/** Ends the actor's session; null when it had ended already. */
export async function logout(
  transaction: Transaction<AuthTables>,
  actor: Actor,
  nowMs: number,
): Promise<AuthEvent | null> {
  const ended = await revokeSession(transaction, actor.sessionId, "LOGOUT", nowMs);
  return ended ? endedBy(actor, "session.logout") : null;
}

/** Ends every session of the actor, this one too. */
export async function logoutAll(transaction: Transaction<AuthTables>, actor: Actor): Promise<AuthEvent> {
  await transaction
    .updateTable("users")
    .set({ session_epoch: sql<number>`session_epoch + 1` })
    .where("id", "=", actor.userId)
    .execute();
  return endedBy(actor, "session.logout_all");
}

/** False when it was revoked already. */
export async function revokeSession(
  transaction: Transaction<AuthTables>,
  sessionId: string,
  because: "LOGOUT" | "REUSE",
  nowMs: number,
): Promise<boolean> {
  const revoked = await transaction
    .updateTable("sessions")
    .set({ revoked_at: new Date(nowMs), revoked_because: because })
    .where("id", "=", sessionId)
    .where("revoked_at", "is", null)
    .executeTakeFirst();
  return revoked.numUpdatedRows > 0n;
}

function endedBy({ userId, loginId, role, sessionId }: Actor, action: AuthEvent["action"]): AuthEvent {
  return { action, outcome: "DONE", user: { id: userId, loginId, role }, sessionId, because: null };
}
