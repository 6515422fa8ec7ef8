// Gives a session its next pair of tokens, and ends it when a refresh token comes back that was used before: then two hold
// it, and which of them stole it cannot be known (RFC 9700, 4.14.2).
//
// A client whose answer was lost sends the same token again, and is no thief. So within half a minute, and only until the
// token it was given is used, a used token is answered with the very same successor: one rotation, however often and by
// however many at once it is asked for. A thief who repeats a refresh in that time gets nothing that its owner does not
// hold too, and gives itself away as soon as both go on: the second to use the successor is a reuse as ever.
// The session's row is locked throughout, so refreshes of one session are decided one after another.
import type { Transaction } from "kysely";
import { Refusal } from "../platform/refusal.ts";
import type { AccessTokens } from "./access-token.ts";
import type { Role } from "./actor.ts";
import type { AuthEvent } from "./auth-event.ts";
import type { AuthTables } from "./auth-tables.ts";
import { digestOf, nextRefreshToken, parseRefreshToken, type RefreshToken } from "./refresh-token.ts";
import type { SessionOutcome } from "./session-tokens.ts";
import { addRefreshToken, REFRESH_LIFE_MS, revokeSession } from "./sessions.pg.ts";

const REPEAT_MS = 30_000;

export async function refresh(
  transaction: Transaction<AuthTables>,
  accessTokens: AccessTokens,
  refreshToken: string,
  nowMs: number,
): Promise<SessionOutcome> {
  const token = parseRefreshToken(refreshToken);
  const session = token === null ? null : await lockSessionOf(transaction, token, nowMs);
  if (token === null || session === null) return refused(null);
  const next = await successorOf(transaction, session, token, nowMs);
  if (next === "expired") return refused(null);
  if (next === "reused") {
    await revokeSession(transaction, session.id, "REUSE", nowMs);
    return refused(eventOf(session, { action: "session.reuse", outcome: "REFUSED", because: "TOKEN_REUSED" }));
  }
  const issued = await accessTokens.issue({ userId: session.user.id, sessionId: session.id }, nowMs);
  const tokens = {
    accessToken: issued.accessToken,
    accessTokenExpiresAtMs: issued.expiresAtMs,
    refreshToken: next.token,
    refreshTokenExpiresAtMs: next.expiresAtMs,
  };
  const rotated = eventOf(session, { action: "session.refresh", outcome: "DONE", because: null });
  return { kind: "granted", tokens, event: next.kind === "rotated" ? rotated : null };
}

type LiveSession = Readonly<{
  id: string;
  rotationKey: Buffer;
  expiresAtMs: number;
  user: Readonly<{ id: string; loginId: string; role: Role }>;
}>;

/** Null when no session that lives has or had this token. */
async function lockSessionOf(
  transaction: Transaction<AuthTables>,
  token: RefreshToken,
  nowMs: number,
): Promise<LiveSession | null> {
  const row = await transaction
    .selectFrom("refresh_tokens")
    .innerJoin("sessions", "sessions.id", "refresh_tokens.session_id")
    .innerJoin("users", "users.id", "sessions.user_id")
    .select(["sessions.id", "rotation_key", "sessions.expires_at", "user_id", "login_id", "role"])
    .where("sha256", "=", digestOf(token))
    .where("revoked_at", "is", null)
    .where("sessions.expires_at", ">", new Date(nowMs))
    .where("disabled", "=", false)
    .whereRef("epoch", "=", "session_epoch")
    .forUpdate("sessions")
    .executeTakeFirst();
  if (row === undefined) return null;
  const user = { id: row.user_id, loginId: row.login_id, role: row.role };
  return { id: row.id, rotationKey: row.rotation_key, expiresAtMs: row.expires_at.getTime(), user };
}

type Successor = Readonly<{ kind: "rotated" | "repeated"; token: RefreshToken; expiresAtMs: number }>;

async function successorOf(
  transaction: Transaction<AuthTables>,
  session: LiveSession,
  token: RefreshToken,
  nowMs: number,
): Promise<Successor | "expired" | "reused"> {
  const successor = nextRefreshToken(token, session.rotationKey);
  // Read after the lock: another refresh may have used it while this one waited.
  const states = await readTokens(transaction, [token, successor]);
  const presented = states.get(digestOf(token).toString("hex"));
  const given = states.get(digestOf(successor).toString("hex"));
  if (presented === undefined || presented.expires_at.getTime() <= nowMs) return "expired";
  if (presented.used_at === null) {
    const expiresAtMs = Math.min(nowMs + REFRESH_LIFE_MS, session.expiresAtMs);
    await markUsed(transaction, token, nowMs);
    await addRefreshToken(transaction, session.id, successor, expiresAtMs);
    return { kind: "rotated", token: successor, expiresAtMs };
  }
  const isRepeat = given?.used_at === null && nowMs - presented.used_at.getTime() <= REPEAT_MS;
  return isRepeat ? { kind: "repeated", token: successor, expiresAtMs: given.expires_at.getTime() } : "reused";
}

type TokenState = Readonly<{ used_at: Date | null; expires_at: Date }>;

async function readTokens(
  transaction: Transaction<AuthTables>,
  tokens: readonly RefreshToken[],
): Promise<ReadonlyMap<string, TokenState>> {
  const rows = await transaction
    .selectFrom("refresh_tokens")
    .select(["sha256", "used_at", "expires_at"])
    .where("sha256", "in", tokens.map(digestOf))
    .execute();
  return new Map(rows.map(({ sha256, ...state }) => [sha256.toString("hex"), state]));
}

async function markUsed(transaction: Transaction<AuthTables>, token: RefreshToken, nowMs: number): Promise<void> {
  await transaction
    .updateTable("refresh_tokens")
    .set({ used_at: new Date(nowMs) })
    .where("sha256", "=", digestOf(token))
    .execute();
}

function eventOf({ id, user }: LiveSession, what: Pick<AuthEvent, "action" | "outcome" | "because">): AuthEvent {
  return { ...what, user, sessionId: id };
}

function refused(event: AuthEvent | null): SessionOutcome {
  const refusal = new Refusal("UNAUTHENTICATED", "The refresh token is not or no longer valid: sign in again.");
  return { kind: "refused", refusal, event };
}
