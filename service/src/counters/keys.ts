// Names the Redis keys of counters.
// One tenant's keys share a hash tag, so one script can take from all of them at once; the price is that a very busy
// tenant stays on one node (decision 0002). No shard number appears in a key, so slots move without a migration.
// What callers choose (user, request id, adjustment id) and what operators write (patterns) enters as a digest of fixed length: it can
// neither inject nor grow a key. The tenant id is safe as it is: [A-Za-z0-9._-]{1,64}.
// Not here: what a key holds (state.lua).
import { createHmac, hash } from "node:crypto";
import { LRUCache } from "lru-cache";

/** Digests of users kept in memory; the busy ones stay. */
const CACHED_USERS = 50_000;

export type Keys = Readonly<{
  tenant: (tenant: string) => string;
  usage: (tenant: string, incarnation: string, dayLabel: number) => string;
  /** What SCAN matches every usage hash of an incarnation with; null = of all. */
  usagePattern: (incarnation: string | null) => string;
  api: (tenant: string, api: string) => string;
  user: (tenant: string, user: string) => string;
  userApi: (tenant: string, user: string, api: string) => string;
  request: (tenant: string, requestId: string) => string;
  adjustment: (tenant: string, id: string) => string;
}>;

/** `secret` keys the digest of user ids, so that a dump of the store does not give them away by guessing. */
export function createKeys(prefix: string, secret: string): Keys {
  const users = new LRUCache<string, string>({ max: CACHED_USERS });
  const apis = new LRUCache<string, string>({ max: CACHED_USERS });

  const userDigest = (user: string): string => {
    let digest = users.get(user);
    if (digest === undefined) {
      digest = createHmac("sha256", secret).update(user).digest().subarray(0, 16).toString("base64url");
      users.set(user, digest);
    }
    return digest;
  };
  const apiDigest = (api: string): string => {
    let digest = apis.get(api);
    if (digest === undefined) {
      digest = hash("sha256", api, "buffer").subarray(0, 12).toString("base64url");
      apis.set(api, digest);
    }
    return digest;
  };
  const of = (tenant: string, kind: string): string => `${prefix}{${tenant}}:${kind}:`;

  return {
    tenant: (tenant) => `${prefix}{${tenant}}`,
    usage: (tenant, incarnation, dayLabel) => `${of(tenant, "w")}${incarnation}:${dayLabel}`,
    usagePattern: (incarnation) => `${literal(prefix)}{*}:w:${incarnation === null ? "*" : literal(incarnation)}:*`,
    api: (tenant, api) => of(tenant, "a") + apiDigest(api),
    user: (tenant, user) => of(tenant, "u") + userDigest(user),
    userApi: (tenant, user, api) => of(tenant, "v") + userDigest(user) + apiDigest(api),
    request: (tenant, requestId) => of(tenant, "r") + hash("sha256", requestId, "buffer").toString("base64url", 0, 16),
    adjustment: (tenant, id) => of(tenant, "j") + hash("sha256", id, "buffer").toString("base64url", 0, 16),
  };
}

/** Whose usage a hash has: neither name holds a bracket or a colon. */
export function readUsageKey(key: string): Readonly<{ tenant: string; incarnation: string }> {
  const [tenant = "", rest = ""] = key.slice(key.indexOf("{") + 1).split("}");
  return { tenant, incarnation: rest.split(":")[2] ?? "" };
}

/** As a part of a pattern that stands for itself. */
function literal(text: string): string {
  return text.replaceAll(/[*?[\]\\]/g, "\\$&");
}
