// Who may do what through the Admin API: the one table of roles and actions. Deny by default: a route names an action of
// this table, and a route without one does not compile.
//
// `tenants` says what the action means for a user who is bound to named tenants:
// - "all": it touches what belongs to no single tenant; only users bound to none may.
// - "own": it touches one tenant, which must be among the user's; lists show no others.
// - "shared": what it shows is for everyone who may read at all, such as plans.
// Pure. Not here: who the actor is (auth/), or how a route is refused (route.ts).
import type { Actor, Role } from "../auth/actor.ts";

const READERS: readonly Role[] = ["ADMIN", "OPERATOR", "VIEWER"];
const OPERATORS: readonly Role[] = ["ADMIN", "OPERATOR"];
const ADMINS: readonly Role[] = ["ADMIN"];

export type Access = Readonly<{ roles: readonly Role[]; tenants: "all" | "own" | "shared" }>;

export const ACCESS = {
  "session.read": { roles: READERS, tenants: "shared" },
  "session.end": { roles: READERS, tenants: "shared" },
  "password.change": { roles: READERS, tenants: "shared" },
  "user.read": { roles: ADMINS, tenants: "all" },
  "user.create": { roles: ADMINS, tenants: "all" },
  "user.update": { roles: ADMINS, tenants: "all" },
  "user.delete": { roles: ADMINS, tenants: "all" },
  "tenant.read": { roles: READERS, tenants: "own" },
  "tenant.create": { roles: OPERATORS, tenants: "all" },
  "tenant.update": { roles: OPERATORS, tenants: "own" },
  "tenant.plan": { roles: OPERATORS, tenants: "own" },
  "tenant.delete": { roles: OPERATORS, tenants: "all" },
  "tenant.erase_user": { roles: ADMINS, tenants: "own" },
  "counter.reset": { roles: OPERATORS, tenants: "own" },
  "counter.grant": { roles: OPERATORS, tenants: "own" },
  "plan.read": { roles: READERS, tenants: "shared" },
  "plan.create": { roles: ADMINS, tenants: "all" },
  "plan.update": { roles: ADMINS, tenants: "all" },
  "plan.delete": { roles: ADMINS, tenants: "all" },
  "policy.read": { roles: READERS, tenants: "own" },
  "policy.create": { roles: OPERATORS, tenants: "own" },
  "policy.update": { roles: OPERATORS, tenants: "own" },
  "policy.delete": { roles: OPERATORS, tenants: "own" },
  "override.read": { roles: READERS, tenants: "own" },
  "override.create": { roles: OPERATORS, tenants: "own" },
  "override.update": { roles: OPERATORS, tenants: "own" },
  "override.delete": { roles: OPERATORS, tenants: "own" },
  "credential.read": { roles: ADMINS, tenants: "all" },
  "credential.create": { roles: ADMINS, tenants: "all" },
  "credential.update": { roles: ADMINS, tenants: "all" },
  "credential.rotate": { roles: ADMINS, tenants: "all" },
  "credential.revoke": { roles: ADMINS, tenants: "all" },
  "policy_set.read": { roles: READERS, tenants: "all" },
  "policy_set.apply": { roles: ADMINS, tenants: "all" },
  "usage.read": { roles: READERS, tenants: "own" },
  "limit_hit.read": { roles: READERS, tenants: "own" },
  "audit.read": { roles: READERS, tenants: "own" },
  "explain.read": { roles: READERS, tenants: "own" },
} as const satisfies Record<string, Access>;

export type Action = keyof typeof ACCESS;

/** Null when the actor may, as far as the role and being bound at all decide it; else the public reason. */
export function refusedBecause(action: Action, actor: Actor): string | null {
  const { roles, tenants }: Access = ACCESS[action];
  if (!roles.includes(actor.role)) return `${action} needs the role ${roles.join(" or ")}; yours is ${actor.role}.`;
  if (tenants === "all" && actor.tenants !== null) {
    return `${action} touches all tenants; your user is bound to ${actor.tenants.join(", ") || "none"}.`;
  }
  return null;
}

/** A handler of such an action must ask its permit: see permit.ts. */
export function concernsTenants(action: Action): boolean {
  return ACCESS[action].tenants === "own";
}
