// Stores the users who administrate. Changes are part of the caller's transaction.
//
// Promise: there is always one enabled ADMIN who is bound to no tenant; whatever would take away the last one is refused,
// also when two transactions take away one each. For that, changes of users are made one after another: `lockUser` begins
// each, and gives the row as it was, for the ETag and the audit row.
// A disabled user's and a changed password's sessions end with the commit. Not here: the first user (first-admin.pg.ts).
import { type Kysely, type Selectable, sql, type Transaction, type UpdateObject } from "kysely";
import { Refusal } from "../platform/refusal.ts";
import type { Role } from "./actor.ts";
import type { AuthTables, UserTable } from "./auth-tables.ts";
import type { LoginId } from "./login-id.ts";
import type { PasswordHash } from "./password-hash.ts";

export type User = Readonly<{
  id: string;
  loginId: string;
  role: Role;
  /** Null = every tenant. */
  tenants: readonly string[] | null;
  disabled: boolean;
  etag: string;
  createdAtMs: number;
  updatedAtMs: number;
}>;

/** A user whose row this transaction holds. */
export type LockedUser = User & { readonly brand: "LockedUser" };

export type NewUser = Readonly<{
  loginId: LoginId;
  passwordHash: PasswordHash;
  role: Role;
  tenants: readonly string[] | null;
}>;

/** What is absent stays as it is. */
export type UserChanges = Readonly<{ role?: Role; tenants?: readonly string[] | null; disabled?: boolean }>;

/** Any constant: instances agree on it. */
const USERS_LOCK = 7_308_332_206;
const COLUMNS = ["id", "login_id", "role", "tenants", "disabled", "etag", "created_at", "updated_at"] as const;

export async function createUser(transaction: Transaction<AuthTables>, user: NewUser): Promise<User> {
  const row = await transaction
    .insertInto("users")
    .values({
      login_id: user.loginId,
      password_hash: user.passwordHash,
      role: user.role,
      tenants: tenantColumn(user.tenants),
    })
    .onConflict((conflict) => conflict.column("login_id").doNothing())
    .returning(COLUMNS)
    .executeTakeFirst();
  if (row === undefined)
    throw new Refusal("TAKEN", `There is a user ${user.loginId} already: choose another login id.`);
  return userOf(row);
}

/** In the order of login ids, those after `after`. */
export async function listUsers(
  database: Kysely<AuthTables>,
  { after, limit }: Readonly<{ after: string | null; limit: number }>,
): Promise<User[]> {
  const rows = await database
    .selectFrom("users")
    .select(COLUMNS)
    .where("login_id", ">", after ?? "")
    .orderBy("login_id")
    .limit(limit)
    .execute();
  return rows.map(userOf);
}

export async function getUser(database: Kysely<AuthTables>, id: string): Promise<User> {
  const row = await database.selectFrom("users").select(COLUMNS).where("id", "=", id).executeTakeFirst();
  if (row === undefined) throw notFound(id);
  return userOf(row);
}

/** The first statement of a change of a user that exists. */
export async function lockUser(transaction: Transaction<AuthTables>, id: string): Promise<LockedUser> {
  await sql`select pg_advisory_xact_lock(${USERS_LOCK}::bigint)`.execute(transaction);
  const row = await transaction.selectFrom("users").select(COLUMNS).where("id", "=", id).forUpdate().executeTakeFirst();
  if (row === undefined) throw notFound(id);
  return userOf(row) as LockedUser;
}

export async function updateUser(
  transaction: Transaction<AuthTables>,
  user: LockedUser,
  { role = user.role, tenants = user.tenants, disabled = user.disabled }: UserChanges,
): Promise<User> {
  if (!isFullAdmin({ role, tenants, disabled })) await requireAnotherAdmin(transaction, user);
  const isDisabledNow = disabled && !user.disabled;
  return await write(transaction, user, {
    role,
    tenants: tenantColumn(tenants),
    disabled,
    // Sessions must not come back to life when the user is enabled again.
    ...(isDisabledNow && { session_epoch: NEXT_EPOCH }),
  });
}

/** Ends all sessions of the user. */
export async function setPassword(
  transaction: Transaction<AuthTables>,
  user: LockedUser,
  passwordHash: PasswordHash,
): Promise<User> {
  return await write(transaction, user, { password_hash: passwordHash, session_epoch: NEXT_EPOCH });
}

/** Ends all sessions of the user. */
export async function deleteUser(transaction: Transaction<AuthTables>, user: LockedUser): Promise<void> {
  await requireAnotherAdmin(transaction, user);
  await transaction.deleteFrom("users").where("id", "=", user.id).execute();
}

const NEXT_EPOCH = sql<number>`session_epoch + 1`;

async function write(
  transaction: Transaction<AuthTables>,
  { id }: LockedUser,
  columns: UpdateObject<AuthTables, "users">,
): Promise<User> {
  const row = await transaction
    .updateTable("users")
    .set(columns)
    .where("id", "=", id)
    .returning(COLUMNS)
    .executeTakeFirstOrThrow();
  return userOf(row);
}

async function requireAnotherAdmin(transaction: Transaction<AuthTables>, user: LockedUser): Promise<void> {
  if (!isFullAdmin(user)) return;
  const other = await transaction
    .selectFrom("users")
    .select("id")
    .where("role", "=", "ADMIN")
    .where("tenants", "is", null)
    .where("disabled", "=", false)
    .where("id", "!=", user.id)
    .limit(1)
    .executeTakeFirst();
  if (other !== undefined) return;
  const why = `${user.loginId} is the last enabled ADMIN who is bound to no tenant`;
  throw new Refusal("CONFLICT", `${why}: make another one first.`);
}

function isFullAdmin({ role, tenants, disabled }: Pick<User, "role" | "tenants" | "disabled">): boolean {
  return role === "ADMIN" && tenants === null && !disabled;
}

function tenantColumn(tenants: readonly string[] | null): string[] | null {
  return tenants === null ? null : [...new Set(tenants)].sort();
}

function userOf(row: Pick<Selectable<UserTable>, (typeof COLUMNS)[number]>): User {
  const { id, role, tenants, disabled, etag } = row;
  const times = { createdAtMs: row.created_at.getTime(), updatedAtMs: row.updated_at.getTime() };
  return { id, loginId: row.login_id, role, tenants, disabled, etag, ...times };
}

function notFound(id: string): Refusal {
  return new Refusal("NOT_FOUND", `There is no user ${id}.`);
}
