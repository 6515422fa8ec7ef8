// The first user, without whom nobody could make any: an ADMIN bound to no tenant, from the configuration or the command
// line. Made only where there is no user at all, so a password left in the configuration changes nothing later.
import { type Kysely, sql, type Transaction } from "kysely";
import type { AuthTables } from "./auth-tables.ts";
import type { LoginId } from "./login-id.ts";
import type { PasswordHash } from "./password-hash.ts";
import { createUser, type User } from "./users.pg.ts";

/** Any constant: instances agree on it. */
const FIRST_ADMIN_LOCK = 7_308_332_207;

/** Worth asking before the password is hashed. */
export async function hasUsers(database: Kysely<AuthTables>): Promise<boolean> {
  const row = await database.selectFrom("users").select("id").limit(1).executeTakeFirst();
  return row !== undefined;
}

/** Null where there is a user already. However many try at once, one is made. */
export async function ensureFirstAdmin(
  transaction: Transaction<AuthTables>,
  { loginId, passwordHash }: Readonly<{ loginId: LoginId; passwordHash: PasswordHash }>,
): Promise<User | null> {
  await sql`select pg_advisory_xact_lock(${FIRST_ADMIN_LOCK}::bigint)`.execute(transaction);
  if (await hasUsers(transaction)) return null;
  return await createUser(transaction, { loginId, passwordHash, role: "ADMIN", tenants: null });
}
