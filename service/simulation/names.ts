// How the model store names the counters of a tenant: by the very keys of the real one, so that commands can name them, too.
import type { Claim } from "../src/counters/claim.ts";
import type { Keys } from "../src/counters/keys.ts";
import { counterIndex } from "../src/counters/take-arguments.ts";

/** `user` is not looked at where the scope has none. */
export function counterName(keys: Keys, tenant: string, claim: Pick<Claim, "scope" | "api">, user: string): string {
  const names = [keys.tenant(tenant)];
  const index = counterIndex(names, keys, tenant, claim, user);
  return names[index - 1] ?? names[0] ?? "";
}
