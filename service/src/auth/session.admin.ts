// The Admin routes of sessions: sign in, refresh, sign out, who am I, change my password.
// A refusal is committed with its audit row before it is answered: whoever guesses leaves a trace.
import { Login, LogoutQuery, Me, Refresh, Tokens } from "@sluice/contract";
import type { Kysely, Transaction } from "kysely";
import { ACCESS, type Action, refusedBecause } from "../admin/access.ts";
import { changeRoute, type Origin, openRoute, type Route, readRoute } from "../admin/route.admin.ts";
import { appendAudit } from "../audit/audit-append.pg.ts";
import type { AuditActor } from "../audit/audit-record.ts";
import type { AuditTables } from "../audit/audit-tables.ts";
import type { AccessTokens } from "./access-token.ts";
import type { AuthEvent } from "./auth-event.ts";
import type { AuthTables } from "./auth-tables.ts";
import { completeLogin, createLoginProver } from "./login.pg.ts";
import { ownPasswordRoute } from "./own-password.admin.ts";
import type { PasswordHasher } from "./password-hasher.job.ts";
import { refresh } from "./refresh.pg.ts";
import type { SessionOutcome, SessionTokens } from "./session-tokens.ts";
import { logout, logoutAll } from "./sessions.pg.ts";

type Tables = AuthTables & AuditTables;
const tag = "sessions";

export type SessionParts = Readonly<{ database: Kysely<Tables>; hasher: PasswordHasher; accessTokens: AccessTokens }>;

export function sessionRoutes({ database, hasher, accessTokens }: SessionParts): Route[] {
  const proveLogin = createLoginProver(database.$pickTables<keyof AuthTables>(), hasher);
  return [
    openRoute({
      ...{ method: "POST", path: "/admin/auth/login", tag, summary: "Sign in with login id and password" },
      shape: { body: Login },
      answer: Tokens,
      open: async ({ body, origin }) => {
        const proof = await proveLogin({ ...body, address: origin.address }, origin.nowMs);
        await accessTokens.ready();
        return await commit(database, origin, (transaction) =>
          completeLogin(transaction, accessTokens, proof, origin.nowMs),
        );
      },
    }),
    openRoute({
      ...{ method: "POST", path: "/admin/auth/refresh", tag, summary: "Trade a refresh token for new tokens" },
      shape: { body: Refresh },
      answer: Tokens,
      open: async ({ body, origin }) => {
        await accessTokens.ready();
        return await commit(database, origin, (transaction) =>
          refresh(transaction, accessTokens, body.refreshToken, origin.nowMs),
        );
      },
    }),
    changeRoute({
      ...{
        method: "POST",
        path: "/admin/auth/logout",
        tag,
        action: "session.end",
        summary: "Sign out, everywhere at once",
      },
      shape: { query: LogoutQuery },
      status: 204,
      change: async ({ query, actor, origin }, { sql }) => {
        const transaction = sql.$pickTables<keyof AuthTables>();
        const event =
          query.all === true ? await logoutAll(transaction, actor) : await logout(transaction, actor, origin.nowMs);
        const resource = { kind: "session", id: actor.sessionId };
        const after = { ended: query.all === true ? "all" : "this" };
        return { status: 204, audits: event === null ? [] : [{ resource, tenant: null, before: null, after }] };
      },
    }),
    readRoute({
      ...{ method: "GET", path: "/admin/auth/me", tag, action: "session.read", summary: "Who this token speaks for" },
      shape: {},
      answer: Me,
      find: async ({ actor }) => {
        const { userId, loginId, role, tenants } = actor;
        const actions = (Object.keys(ACCESS) as Action[]).filter((action) => refusedBecause(action, actor) === null);
        return { body: { userId, loginId, role, tenants, actions } };
      },
    }),
    ownPasswordRoute({ database, hasher, proveLogin }),
  ];
}

/** What `act` wrote and its audit row stay, also where it refuses. */
async function commit(
  database: Kysely<Tables>,
  origin: Origin,
  act: (transaction: Transaction<AuthTables>) => Promise<SessionOutcome>,
) {
  const outcome = await database.transaction().execute(async (transaction) => {
    const done = await act(transaction.$pickTables<keyof AuthTables>());
    if (done.event !== null) await audit(transaction.$pickTables<keyof AuditTables>(), done.event, origin);
    return done;
  });
  if (outcome.kind === "refused") throw outcome.refusal;
  return { body: tokensBody(outcome.tokens) };
}

async function audit(transaction: Transaction<AuditTables>, event: AuthEvent, origin: Origin): Promise<void> {
  const { action, outcome, user, sessionId, because } = event;
  const actor: AuditActor =
    user === null
      ? { kind: "ANONYMOUS", login: null }
      : { kind: "USER", id: user.id, login: user.loginId, role: user.role };
  await appendAudit(transaction, {
    ...{ actor, action, outcome, tenant: null, before: null },
    resource: { kind: "session", id: sessionId },
    origin,
    after: because === null ? null : { because },
  });
}

function tokensBody(tokens: SessionTokens) {
  return {
    accessToken: tokens.accessToken,
    accessTokenExpiresAt: new Date(tokens.accessTokenExpiresAtMs).toISOString(),
    refreshToken: tokens.refreshToken,
    refreshTokenExpiresAt: new Date(tokens.refreshTokenExpiresAtMs).toISOString(),
  };
}
