// What the tests of authentication share: a migrated database with users, signing in as a door does it, and a hasher whose
// hashes cost nothing, so that a test can count them instead of waiting for them.
import { createHash } from "node:crypto";
import type { Transaction } from "kysely";
import { openPostgres } from "../platform/postgres.ts";
import { createAccessTokens } from "./access-token.ts";
import type { AuthEvent } from "./auth-event.ts";
import type { AuthTables } from "./auth-tables.ts";
import { completeLogin, createLoginProver, type LoginAttempt } from "./login.pg.ts";
import type { LoginId } from "./login-id.ts";
import { createPasswordHasher } from "./password-hasher.job.ts";
import { refresh } from "./refresh.pg.ts";
import type { SessionOutcome, SessionTokens } from "./session-tokens.ts";
import { newTokenKeyPem, readTokenKeys } from "./token-keys.ts";
import { createUser, type NewUser } from "./users.pg.ts";

export const NOON_MS = Date.UTC(2026, 10, 22, 12);
export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const PASSWORD = "plum tractor seven lamps";

const KEYS = readTokenKeys([newTokenKeyPem()]);

export type AuthWorld = Awaited<ReturnType<typeof openAuthWorld>>;

/** `url` is that of a migrated database; each world stands for one instance of the service. */
export async function openAuthWorld(url: string, poolSize = 4) {
  const postgres = openPostgres<AuthTables>({ url, poolSize });
  const work = { hashes: 0 };
  const hasher = createPasswordHasher(async (password, salt) => {
    work.hashes++;
    return createHash("sha256").update(salt).update(password).digest();
  });
  const accessTokens = createAccessTokens({ keys: async () => KEYS, issuer: "sluice", audience: "sluice-admin" });
  const prove = createLoginProver(postgres.sql, hasher);
  const events: AuthEvent[] = [];

  const change = <T>(body: (transaction: Transaction<AuthTables>) => Promise<T>) =>
    postgres.sql.transaction().execute(body);
  const granted = (outcome: SessionOutcome): SessionTokens => {
    if (outcome.event !== null) events.push(outcome.event);
    if (outcome.kind === "refused") throw outcome.refusal;
    return outcome.tokens;
  };
  const newUser = async (loginId: string, more: Partial<NewUser> = {}) => {
    const passwordHash = await hasher.hash(PASSWORD);
    const user = { loginId: loginId as LoginId, passwordHash, role: "ADMIN", tenants: null, ...more } as const;
    return await change((transaction) => createUser(transaction, user));
  };
  const login = async (attempt: Partial<LoginAttempt>, nowMs = NOON_MS) => {
    const asked = { loginId: "mina", password: PASSWORD, address: "203.0.113.9", ...attempt };
    const proof = await prove(asked, nowMs);
    return granted(await change((transaction) => completeLogin(transaction, accessTokens, proof, nowMs)));
  };
  const refreshed = async (token: string, nowMs = NOON_MS) =>
    granted(await change((transaction) => refresh(transaction, accessTokens, token, nowMs)));
  return {
    ...{ url, sql: postgres.sql, hasher, prove, work, accessTokens, events, change, newUser, login, refreshed },
    [Symbol.asyncDispose]: () => postgres.close(),
  };
}

/** The code of the refusal that `work` ends in, or "done". */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (fault) {
    return (fault as { code?: string }).code ?? String(fault);
  }
}
