// Names a counter inside this process: tenant, scope, and user and API where they are in the scope. Pure.
// Not here: the keys of the store (counters/), which other processes must agree on.
import type { Scope } from "@sluice/contract";
import type { Claim } from "../counters/claim.ts";

export type CounterIdentity = Readonly<{
  tenant: string;
  scope: Scope;
  /** `METHOD pattern`, or null when the API is not in the scope. */
  api: string | null;
  /** Null when the user is not in the scope. */
  user: string | null;
}>;

export function counterIdentity(tenant: string, claim: Claim, user: string): CounterIdentity {
  const ofUser = claim.scope === "TENANT_USER" || claim.scope === "TENANT_USER_API";
  return { tenant, scope: claim.scope, api: claim.api, user: ofUser ? user : null };
}

/** The identity as the key of a map. Ids, scopes and canonical patterns hold no newline, and the user stands last. */
export function counterKey(tenant: string, claim: Claim, user: string): string {
  const shared = `${tenant}\n${claim.scope}\n${claim.api ?? ""}`;
  return claim.scope === "TENANT_USER" || claim.scope === "TENANT_USER_API" ? `${shared}\n${user}` : shared;
}
