// What the load asks, one request after the other: the same for the same seed. Pure.
import type { CheckRequest } from "@sluice/contract";
import type { CastMember } from "./cast.ts";

/** Their mean is `MEAN_COST` of cast.ts. */
const COSTS = [1, 1, 1, 2, 5];
/** The first of them ask most. */
const USERS = ["kim", "kim", "kim", "kim", "lee", "lee", "lee", "park", "park", "choi"];
const PATHS = ["/orders/7", "/orders/8/lines", "/reports/daily", "/orders"];
/** Of all requests; the others must not be sent again, whatever happens. */
const SHARE_WITH_REQUEST_ID = 0.5;

/** `source` keeps the request ids of several loads on the same tenants apart. */
export function requestsOf(cast: readonly CastMember[], seed: number, source: string): () => CheckRequest {
  const random = seededRandom(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  let number = 0;
  return () => {
    number += 1;
    const check: CheckRequest = {
      tenantId: pick(cast).id,
      userId: pick(USERS),
      apiPath: pick(PATHS),
      httpMethod: "GET",
      cost: pick(COSTS),
    };
    return random() < SHARE_WITH_REQUEST_ID ? { ...check, requestId: `${source}-${number}` } : check;
  };
}

/** Mulberry32. 0 <= value < 1. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
