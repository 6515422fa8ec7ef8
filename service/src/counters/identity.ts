// Names a counter as corrections from outside do, an adjustment or a raise: by scope, and by API and user where it has them.
import type { Scope } from "@sluice/contract";

/** Throws where API or user are named and the scope has none, or the other way round. */
export function requireIdentity({ scope, api, user }: { scope: Scope; api: string | null; user: string | null }): void {
  const hasApi = scope === "TENANT_API" || scope === "TENANT_USER_API";
  const hasUser = scope === "TENANT_USER" || scope === "TENANT_USER_API";
  if (hasApi === (api === null) || hasUser === (user === null)) {
    throw new RangeError(`A counter of scope ${scope} is named by an API and a user exactly where the scope has them`);
  }
}
