import { SLOTS, slotOf } from "@sluice/service/counters/topology.ts";
import { expect, test } from "vitest";
import { createCounterFinder } from "../check/counters.ts";
import { castOf, MEAN_COST, policySetOf, SHARDS, TENANT_KINDS } from "./cast.ts";
import { requestsOf } from "./requests.ts";

const shape = { perSecond: 210, baselineMs: 10_000, totalMs: 30_000 };

test("every third of the slots has one tenant of each kind", () => {
  const cast = castOf("lab");
  for (let shard = 0; shard < SHARDS; shard += 1) {
    const there = cast.filter(({ id }) => Math.floor((slotOf(id) * SHARDS) / SLOTS) === shard);
    expect(there.map(({ kind }) => kind)).toEqual([...TENANT_KINDS]);
  }
});

test("the checker can judge every request of the load: each takes from one counter", () => {
  const cast = castOf("lab");
  const countersOf = createCounterFinder(policySetOf(cast, shape));
  const next = requestsOf(cast, 7, "test");
  for (let number = 0; number < 500; number += 1) {
    const { tenantId: tenant, userId: user = null, apiPath: path } = next();
    expect(countersOf({ tenant, user, path })).toHaveLength(1);
  }
});

test("the same seed asks the same, and the mean cost is the one that limits are made from", () => {
  const cast = castOf("lab");
  const draw = (seed: number) => {
    const next = requestsOf(cast, seed, "test");
    return Array.from({ length: 5_000 }, next);
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  const mean = draw(1).reduce((sum, { cost = 1 }) => sum + cost, 0) / 5_000;
  expect(mean).toBeCloseTo(MEAN_COST, 1);
  const ids = draw(1).flatMap(({ requestId }) => (requestId === undefined ? [] : [requestId]));
  expect(new Set(ids).size).toBe(ids.length);
});
