// What happened to a session, for the audit trail: the caller writes it in the transaction that makes it so. Shapes only.
import type { Role } from "./actor.ts";

export type AuthEvent = Readonly<{
  action: "session.login" | "session.refresh" | "session.reuse" | "session.logout" | "session.logout_all";
  outcome: "DONE" | "REFUSED";
  /** Null where nobody by that name exists. What was typed instead may be a password, and is not told. */
  user: Readonly<{ id: string; loginId: string; role: Role }> | null;
  sessionId: string | null;
  /** Of a refusal; not for the one who was refused. */
  because: "UNKNOWN_LOGIN" | "WRONG_PASSWORD" | "USER_DISABLED" | "USER_CHANGED" | "TOKEN_REUSED" | null;
}>;
