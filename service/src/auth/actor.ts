// Who acts through the Admin API. Shapes only; how someone becomes an actor is sessions' matter.

export const ROLES = ["ADMIN", "OPERATOR", "VIEWER"] as const;
export type Role = (typeof ROLES)[number];

export type Actor = Readonly<{
  userId: string;
  loginId: string;
  role: Role;
  /** Null = every tenant. */
  tenants: readonly string[] | null;
  sessionId: string;
}>;
