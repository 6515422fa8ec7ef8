// The tables of users, sessions and attempts as the query builder sees them: service/migrations/0002_users.sql.
import type { ColumnType, Generated } from "kysely";
import type { Role } from "./actor.ts";
import type { AttemptKind } from "./login-delays.ts";
import type { PasswordHash } from "./password-hash.ts";

/** Columns that the database fills are never written. */
type Filled<T> = ColumnType<T, never, never>;

export type UserTable = {
  id: Generated<string>;
  login_id: string;
  password_hash: PasswordHash;
  role: Role;
  tenants: string[] | null;
  disabled: Generated<boolean>;
  session_epoch: Generated<number>;
  etag: Filled<string>;
  created_at: Filled<Date>;
  updated_at: Filled<Date>;
};

export type SessionTable = {
  id: Generated<string>;
  user_id: string;
  epoch: number;
  rotation_key: Buffer;
  network: string;
  created_at: Date;
  expires_at: Date;
  revoked_at: Date | null;
  revoked_because: "LOGOUT" | "REUSE" | null;
};

export type RefreshTokenTable = { sha256: Buffer; session_id: string; expires_at: Date; used_at: Date | null };

export type LoginAttemptTable = { kind: AttemptKind; key: string; failures: number; last_at: Date };

export type TokenKeyTable = { kid: string; private_key: string; created_at: Filled<Date> };

export type AuthTables = {
  users: UserTable;
  sessions: SessionTable;
  refresh_tokens: RefreshTokenTable;
  login_attempts: LoginAttemptTable;
  token_keys: TokenKeyTable;
};
