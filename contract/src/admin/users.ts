// Users who administrate, and their sessions, on the wire of the Admin API. No answer ever holds a password.
import Type from "typebox";
import { Instant, Nullable, PageOf, PageQuery, RowFields, TenantIdText } from "./list.ts";

const strict = { additionalProperties: false };
const Role = Type.Enum(["ADMIN", "OPERATOR", "VIEWER"]);
const LoginIdText = Type.String({ pattern: "^[A-Za-z0-9._@-]{1,100}$", description: "In whatever case it is typed" });
/** Longer than any good one, so that the rules can say what is wrong with it. */
const PasswordText = Type.String({ minLength: 1, maxLength: 1_024 });
const Tenants = Nullable(Type.Array(TenantIdText, { maxItems: 1_000, description: "null = every tenant" }));

export const UserItem = Type.Object(
  {
    id: Type.String({ format: "uuid" }),
    loginId: Type.String(),
    role: Role,
    tenants: Tenants,
    disabled: Type.Boolean(),
    ...RowFields,
  },
  strict,
);
export type UserItem = Type.Static<typeof UserItem>;
export const UserList = PageOf(UserItem);
export const UserListQuery = Type.Object({ ...PageQuery }, strict);
export const UserParams = Type.Object({ id: Type.String({ format: "uuid", description: "Id of the user" }) }, strict);
export const UserCreate = Type.Object(
  { loginId: LoginIdText, password: PasswordText, role: Role, tenants: Type.Optional(Tenants) },
  strict,
);
/** What is absent stays as it is. Disabling, and a new password, end the user's sessions at once. */
export const UserUpdate = Type.Object(
  {
    role: Type.Optional(Role),
    tenants: Type.Optional(Tenants),
    disabled: Type.Optional(Type.Boolean()),
    password: Type.Optional(PasswordText),
  },
  { ...strict, minProperties: 1 },
);

/** Any text: what cannot be right is answered like what is wrong. */
export const Login = Type.Object(
  { loginId: Type.String({ maxLength: 1_024 }), password: Type.String({ maxLength: 1_024 }) },
  strict,
);
export const Refresh = Type.Object({ refreshToken: Type.String({ maxLength: 1_024 }) }, strict);
export const Tokens = Type.Object(
  {
    accessToken: Type.String(),
    accessTokenExpiresAt: Instant,
    refreshToken: Type.String(),
    refreshTokenExpiresAt: Instant,
  },
  strict,
);
/** The user's own; the old one is any text, and answered like a wrong one where it cannot be right. */
export const PasswordChange = Type.Object(
  { oldPassword: Type.String({ maxLength: 1_024 }), newPassword: PasswordText },
  strict,
);
export const LogoutQuery = Type.Object(
  { all: Type.Optional(Type.Boolean({ description: "Ends every session of the user" })) },
  strict,
);
export const Me = Type.Object(
  {
    userId: Type.String(),
    loginId: Type.String(),
    role: Role,
    tenants: Tenants,
    /** Every action of the table of access that the user's role allows. */
    actions: Type.Array(Type.String()),
  },
  strict,
);
