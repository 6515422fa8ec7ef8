// Signing in, in two steps, so that no transaction is held while a password is hashed:
// a `ProveLogin` counts the try and looks at the password; `completeLogin`, in the caller's transaction beside its audit row,
// opens the session.
//
// Promise: whoever is refused learns nothing but that: a login that does not exist, a wrong password and a disabled user
// have the same answer and cost the same hash. A try that has to wait is refused before any hash and leaves no trace to
// fill a table with; each one that is looked at leaves its count and its audit row, also when it fails.
import type { Kysely, Transaction } from "kysely";
import { Refusal } from "../platform/refusal.ts";
import type { AccessTokens } from "./access-token.ts";
import type { AuthEvent } from "./auth-event.ts";
import type { AuthTables } from "./auth-tables.ts";
import { clientNetwork } from "./client-network.ts";
import { createLine } from "./line.ts";
import { attemptKeys, countAttempt, pardonAttempt } from "./login-attempts.pg.ts";
import { parseLoginId } from "./login-id.ts";
import { isOutdated, type PasswordHash } from "./password-hash.ts";
import type { PasswordHasher } from "./password-hasher.job.ts";
import type { SessionOutcome } from "./session-tokens.ts";
import { openSession } from "./sessions.pg.ts";

/** `address` is the client's, as the door trusts it. */
export type LoginAttempt = Readonly<{ loginId: string; password: string; address: string }>;

type LoginUser = NonNullable<AuthEvent["user"]> &
  Readonly<{ passwordHash: PasswordHash; disabled: boolean; epoch: number; isFamiliar: boolean }>;

export type LoginProof =
  | Readonly<{ kind: "proved"; user: LoginUser; network: string; newHash: PasswordHash | null }>
  | Readonly<{ kind: "failed"; user: LoginUser | null; because: NonNullable<AuthEvent["because"]> }>;

/** A network is familiar to a user for this long after a login from there. */
const FAMILIAR_MS = 30 * 24 * 3_600_000;

/** Each takes a connection, and all wait for one row (login-attempts.pg.ts): a storm must leave the pool to the others. */
const AT_ONCE = 2;
const MOST_WAITING = 200;

/** Throws TOO_MANY_ATTEMPTS when the try has to wait, UNAVAILABLE when too many sign in at once. */
export type ProveLogin = (attempt: LoginAttempt, nowMs: number) => Promise<LoginProof>;

export function createLoginProver(database: Kysely<AuthTables>, hasher: PasswordHasher): ProveLogin {
  const inLine = createLine(AT_ONCE, MOST_WAITING);
  return (attempt, nowMs) => inLine(() => prove(database, hasher, attempt, nowMs));
}

/** Commit what it wrote and the audit row of `event`, also where it refuses; then throw the refusal. */
export async function completeLogin(
  transaction: Transaction<AuthTables>,
  accessTokens: AccessTokens,
  proof: LoginProof,
  nowMs: number,
): Promise<SessionOutcome> {
  if (proof.kind === "failed") return refused(proof.user, proof.because);
  const { user, network, newHash } = proof;
  const session = await openSession(transaction, { userId: user.id, epoch: user.epoch, network }, nowMs);
  if (session === null) return refused(user, "USER_CHANGED");
  if (newHash !== null) await replaceHash(transaction, user, newHash);
  const { sessionId, refreshToken, refreshTokenExpiresAtMs } = session;
  const { accessToken, expiresAtMs } = await accessTokens.issue({ userId: user.id, sessionId }, nowMs);
  return {
    kind: "granted",
    tokens: { accessToken, accessTokenExpiresAtMs: expiresAtMs, refreshToken, refreshTokenExpiresAtMs },
    event: { action: "session.login", outcome: "DONE", user: namesOf(user), sessionId, because: null },
  };
}

async function prove(
  database: Kysely<AuthTables>,
  hasher: PasswordHasher,
  { loginId, password, address }: LoginAttempt,
  nowMs: number,
): Promise<LoginProof> {
  const network = clientNetwork(address);
  const user = await findUser(database, loginId, network, nowMs);
  const keys = attemptKeys(loginId.toLowerCase(), network, user?.isFamiliar ?? false);
  await countAttempt(database, keys, nowMs);
  const isRight = await (user === null ? hasher.verifyNothing(password) : hasher.verify(password, user.passwordHash));
  if (user === null || !isRight) {
    return { kind: "failed", user, because: user === null ? "UNKNOWN_LOGIN" : "WRONG_PASSWORD" };
  }
  if (user.disabled) return { kind: "failed", user, because: "USER_DISABLED" };
  await pardonAttempt(database, keys, nowMs);
  const newHash = isOutdated(user.passwordHash) ? await hasher.hash(password) : null;
  return { kind: "proved", user, network, newHash };
}

async function findUser(
  database: Kysely<AuthTables>,
  typed: string,
  network: string,
  nowMs: number,
): Promise<LoginUser | null> {
  // What cannot be a login id is asked for all the same: it must not answer sooner.
  const row = await database
    .selectFrom("users")
    .select(["id", "login_id", "role", "password_hash", "disabled", "session_epoch"])
    .select(({ exists, selectFrom }) =>
      exists(
        selectFrom("sessions")
          .select("sessions.id")
          .whereRef("user_id", "=", "users.id")
          .where("network", "=", network)
          .where("sessions.created_at", ">", new Date(nowMs - FAMILIAR_MS)),
      ).as("familiar"),
    )
    .where("login_id", "=", parseLoginId(typed) ?? "")
    .executeTakeFirst();
  if (row === undefined) return null;
  const { id, role, disabled } = row;
  return {
    ...{ id, role, disabled, loginId: row.login_id, passwordHash: row.password_hash },
    ...{ epoch: row.session_epoch, isFamiliar: Boolean(row.familiar) },
  };
}

async function replaceHash(
  transaction: Transaction<AuthTables>,
  { id, passwordHash }: LoginUser,
  newHash: PasswordHash,
): Promise<void> {
  await transaction
    .updateTable("users")
    .set({ password_hash: newHash })
    .where("id", "=", id)
    .where("password_hash", "=", passwordHash)
    .execute();
}

function refused(user: LoginUser | null, because: NonNullable<AuthEvent["because"]>): SessionOutcome {
  return {
    kind: "refused",
    refusal: new Refusal("UNAUTHENTICATED", "The login id or the password is wrong."),
    event: {
      action: "session.login",
      outcome: "REFUSED",
      user: user && namesOf(user),
      sessionId: null,
      because,
    },
  };
}

function namesOf({ id, loginId, role }: LoginUser): NonNullable<AuthEvent["user"]> {
  return { id, loginId, role };
}
