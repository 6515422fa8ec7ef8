// Who sends this request? The token names a session; everything else is read from PostgreSQL now: whether the session
// lives, whether its user may still come in, and with which role and tenants. So a logout, a disabled user or a changed
// role is in force on every instance with the next request, with nothing to be told to anyone.
// Promise: PostgreSQL away throws what the driver throws, and lets nobody in.
import type { Kysely } from "kysely";
import { Refusal } from "../platform/refusal.ts";
import type { AccessTokens } from "./access-token.ts";
import type { Actor } from "./actor.ts";
import type { AuthTables } from "./auth-tables.ts";

/** Throws UNAUTHENTICATED, the same for every reason. */
export async function authenticate(
  database: Kysely<AuthTables>,
  accessTokens: AccessTokens,
  accessToken: string,
  nowMs: number,
): Promise<Actor> {
  const subject = await accessTokens.verify(accessToken, nowMs);
  const row =
    subject &&
    (await database
      .selectFrom("sessions")
      .innerJoin("users", "users.id", "sessions.user_id")
      .select(["user_id", "login_id", "role", "tenants", "sessions.id"])
      .where("sessions.id", "=", subject.sessionId)
      .where("revoked_at", "is", null)
      .where("expires_at", ">", new Date(nowMs))
      .where("disabled", "=", false)
      .whereRef("epoch", "=", "session_epoch")
      .executeTakeFirst());
  if (!row || row.user_id !== subject.userId)
    throw new Refusal("UNAUTHENTICATED", "The access token is not or no longer valid: refresh it or sign in.");
  return { userId: row.user_id, loginId: row.login_id, role: row.role, tenants: row.tenants, sessionId: row.id };
}
