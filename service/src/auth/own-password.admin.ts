// The Admin route by which users of every role change their own password. The old one is asked for as at a login, by the same
// prover and under the same delays: whoever finds an open session can neither guess it nor shut its owner out.
//
// Promise: all other sessions of the user end with the commit, and this one goes on. A wrong old password is counted, and
// leaves its audit row before it is answered. No transaction is held while a password is hashed.
// Not here: setting the password of somebody else (users.admin.ts).
import { PasswordChange } from "@sluice/contract";
import type { Kysely } from "kysely";
import { changeRoute, type Origin, type Route } from "../admin/route.admin.ts";
import { appendAudit } from "../audit/audit-append.pg.ts";
import type { AuditTables } from "../audit/audit-tables.ts";
import { Refusal } from "../platform/refusal.ts";
import type { Actor } from "./actor.ts";
import type { AuthTables } from "./auth-tables.ts";
import type { LoginProof, ProveLogin } from "./login.pg.ts";
import { replaceOwnPassword } from "./own-password.pg.ts";
import type { PasswordHasher } from "./password-hasher.job.ts";
import { requireGoodPassword } from "./password-rules.ts";

const action = "password.change";

export type OwnPasswordParts = Readonly<{
  database: Kysely<AuthTables & AuditTables>;
  hasher: PasswordHasher;
  proveLogin: ProveLogin;
}>;

export function ownPasswordRoute({ database, hasher, proveLogin }: OwnPasswordParts): Route {
  return changeRoute({
    // PUT, so that no Idempotency-Key leaves a digest of two passwords behind.
    ...{ method: "PUT", path: "/admin/auth/password", tag: "sessions", action },
    summary: "Change your own password; all your other sessions end",
    shape: { body: PasswordChange },
    status: 204,
    problems: ["WRONG_PASSWORD", "WEAK_PASSWORD", "TOO_MANY_ATTEMPTS"],
    prepare: async ({ body: { oldPassword, newPassword }, actor, origin }) => {
      requireGoodPassword(newPassword, actor.loginId, "/newPassword");
      if (newPassword === oldPassword) throw unchanged();
      const { loginId } = actor;
      const proof = await proveLogin({ loginId, password: oldPassword, address: origin.address }, origin.nowMs);
      if (proof.kind === "failed") {
        await auditFailure(database, actor, origin, proof.because);
        throw proof.because === "WRONG_PASSWORD" ? wrong() : gone();
      }
      // Deleted, and made anew under the same login id, since the token was looked at.
      if (proof.user.id !== actor.userId) throw gone();
      return { epoch: proof.user.epoch, passwordHash: await hasher.hash(newPassword) };
    },
    change: async ({ actor: { userId, sessionId } }, { sql }, { epoch, passwordHash }) => {
      const transaction = sql.$pickTables<keyof AuthTables>();
      const isDone = await replaceOwnPassword(transaction, { userId, sessionId, epoch, passwordHash });
      if (!isDone) throw new Refusal("CONFLICT", "Your user was changed meanwhile: nothing was done. Sign in again.");
      const after = { isPasswordNew: true, ended: "other sessions" };
      return { status: 204, audits: [{ resource: { kind: "user", id: userId }, tenant: null, before: null, after }] };
    },
  });
}

async function auditFailure(
  database: OwnPasswordParts["database"],
  { userId, loginId, role }: Actor,
  origin: Origin,
  because: Extract<LoginProof, { kind: "failed" }>["because"],
): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    await appendAudit(transaction.$pickTables<keyof AuditTables>(), {
      ...{ actor: { kind: "USER", id: userId, login: loginId, role }, action, outcome: "REFUSED", tenant: null },
      ...{ resource: { kind: "user", id: userId }, origin, before: null, after: { because } },
    });
  });
}

function wrong(): Refusal {
  const errors = [{ pointer: "/oldPassword", detail: "is not your password" }];
  return new Refusal("WRONG_PASSWORD", "The old password is wrong: nothing was changed.", { errors });
}

function unchanged(): Refusal {
  const errors = [{ pointer: "/newPassword", detail: "is the old one" }];
  return new Refusal("WEAK_PASSWORD", "The new password is the old one. Choose another.", { errors });
}

function gone(): Refusal {
  return new Refusal("UNAUTHENTICATED", "The access token is not or no longer valid: sign in again.");
}
