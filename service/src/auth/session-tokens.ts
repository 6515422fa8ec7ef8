// What a client holds of its session, and what signing in or refreshing comes to. Shapes only.
// A refusal is a value here: the caller commits the audit row of `event` (and whatever was revoked), then throws it.
import type { Refusal } from "../platform/refusal.ts";
import type { AuthEvent } from "./auth-event.ts";
import type { RefreshToken } from "./refresh-token.ts";

export type SessionTokens = Readonly<{
  accessToken: string;
  accessTokenExpiresAtMs: number;
  refreshToken: RefreshToken;
  refreshTokenExpiresAtMs: number;
}>;

/** `event` null = nothing was written, so there is nothing to audit. */
export type SessionOutcome =
  | Readonly<{ kind: "granted"; tokens: SessionTokens; event: AuthEvent | null }>
  | Readonly<{ kind: "refused"; refusal: Refusal; event: AuthEvent | null }>;
