// The Admin routes of users. Passwords are hashed before the transaction begins, so that none is held meanwhile.
import { UserCreate, UserItem, UserList, UserListQuery, UserParams, UserUpdate } from "@sluice/contract";
import type { Kysely } from "kysely";
import { DEFAULT_PAGE, pageOf, readCursor } from "../admin/cursor.ts";
import { changeRoute, type Route, readRoute } from "../admin/route.admin.ts";
import { Refusal } from "../platform/refusal.ts";
import { requireTenants } from "../policies/references.pg.ts";
import type { AuthTables } from "./auth-tables.ts";
import { parseLoginId } from "./login-id.ts";
import type { PasswordHasher } from "./password-hasher.job.ts";
import { requireGoodPassword } from "./password-rules.ts";
import {
  createUser,
  deleteUser,
  getUser,
  listUsers,
  lockUser,
  setPassword,
  type User,
  updateUser,
} from "./users.pg.ts";

const tag = "users";
const path = "/admin/users";

export function userRoutes(reader: Kysely<AuthTables>, hasher: PasswordHasher): Route[] {
  const auditOf = (id: string, before: UserItem | null, after: UserItem | null) => {
    return [{ resource: { kind: "user", id }, tenant: null, before, after }];
  };
  return [
    readRoute({
      ...{ method: "GET", path, tag, action: "user.read", summary: "List users by login id" },
      shape: { query: UserListQuery },
      answer: UserList,
      find: async ({ query: { limit = DEFAULT_PAGE, cursor } }) => {
        const [after = null] = readCursor(cursor, ["text"]) ?? [];
        const users = await listUsers(reader, { after: after as string | null, limit: limit + 1 });
        return { body: pageOf(users, limit, userItem, ({ loginId }) => [loginId]) };
      },
    }),
    readRoute({
      ...{ method: "GET", path: `${path}/{id}`, tag, action: "user.read", summary: "Read a user" },
      shape: { params: UserParams },
      answer: UserItem,
      find: async ({ params }) => {
        const body = userItem(await getUser(reader, params.id));
        return { body, etag: body.etag };
      },
    }),
    changeRoute({
      ...{ method: "POST", path, tag, action: "user.create", summary: "Create a user" },
      shape: { body: UserCreate },
      answer: UserItem,
      status: 201,
      problems: ["WEAK_PASSWORD"],
      prepare: async ({ body: { loginId, password } }) => {
        requireGoodPassword(password, loginId);
        return await hasher.hash(password);
      },
      change: async ({ body: { loginId: typed, role, tenants = null } }, { sql, policies }, passwordHash) => {
        const loginId = parseLoginId(typed);
        if (loginId === null) throw new Refusal("INVALID_REQUEST", "The login id cannot be one.");
        await requireTenants(policies, tenants ?? []);
        const user = { loginId, passwordHash, role, tenants };
        const after = userItem(await createUser(sql.$pickTables<keyof AuthTables>(), user));
        const { id, etag } = after;
        return { status: 201, body: after, etag, location: `${path}/${id}`, audits: auditOf(id, null, after) };
      },
    }),
    changeRoute({
      ...{
        method: "PATCH",
        path: `${path}/{id}`,
        tag,
        action: "user.update",
        summary: "Change role, tenants or password",
      },
      shape: { params: UserParams, body: UserUpdate },
      answer: UserItem,
      problems: ["WEAK_PASSWORD"],
      needsEtag: true,
      prepare: async ({ params, body: { password } }) => {
        if (password === undefined) return null;
        requireGoodPassword(password, (await getUser(reader, params.id)).loginId);
        return await hasher.hash(password);
      },
      change: async (
        { params: { id }, body: { password: _, ...changes } },
        { sql, policies, matchEtag },
        passwordHash,
      ) => {
        const transaction = sql.$pickTables<keyof AuthTables>();
        const user = await lockUser(transaction, id);
        matchEtag(user.etag);
        await requireTenants(policies, changes.tenants ?? []);
        let changed = await updateUser(transaction, user, changes);
        if (passwordHash !== null) changed = await setPassword(transaction, user, passwordHash);
        const after = userItem(changed);
        const told = passwordHash === null ? after : { ...after, isPasswordNew: true };
        return { body: after, etag: after.etag, audits: auditOf(id, userItem(user), told) };
      },
    }),
    changeRoute({
      ...{ method: "DELETE", path: `${path}/{id}`, tag, action: "user.delete", summary: "Delete a user" },
      shape: { params: UserParams },
      status: 204,
      needsEtag: true,
      change: async ({ params: { id } }, { sql, matchEtag }) => {
        const transaction = sql.$pickTables<keyof AuthTables>();
        const user = await lockUser(transaction, id);
        matchEtag(user.etag);
        await deleteUser(transaction, user);
        return { status: 204, audits: auditOf(id, userItem(user), null) };
      },
    }),
  ];
}

function userItem({ id, loginId, role, tenants, disabled, etag, createdAtMs, updatedAtMs }: User): UserItem {
  const times = { createdAt: new Date(createdAtMs).toISOString(), updatedAt: new Date(updatedAtMs).toISOString() };
  return { id, loginId, role, tenants: tenants === null ? null : [...tenants], disabled, etag, ...times };
}
