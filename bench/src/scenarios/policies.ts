// What many tenants and policies cost a process: to load, to hold, to change, and to match against.
import { openPostgres } from "@sluice/service/platform/postgres.ts";
import { changePolicies } from "@sluice/service/policies/policy-changes.pg.ts";
import type { PolicyTables } from "@sluice/service/policies/policy-tables.ts";
import { setTenantPlan } from "@sluice/service/policies/tenants.pg.ts";
import { putPolicySet } from "../bench-policies.ts";
import { nowMs } from "../clock.ts";
import { crowdPlanName, crowdTenantId, policyCrowd } from "../policy-crowd.ts";
import { takeTurns } from "../rounds.ts";
import { atMost, type Figure, type Pace, type Scenario } from "../scenario.ts";
import type { Child } from "../servers/child.ts";
import type { MatchOrder } from "../servers/match.program.ts";
import type { InForce, Loaded, PoliciesOrder } from "../servers/policies.program.ts";
import { figureOf, ratios } from "../statistics.ts";
import type { World } from "../world.ts";

const LOADS = 3;
const FEW_POLICIES = 10;
/** What a process is asked all the time, and what it is asked over and over among much else. */
const HOT_CALLS = 12;
const SPREAD_CALLS = 1_000;
const MEGABYTE = 1e6;

export const policies: Scenario = {
  name: "policies",
  about: "100 000 tenants and 10 000 policies in one process, from PostgreSQL (fewer in a quick pass)",
  run: async (world, pace) => {
    const databaseUrl = await (await world.postgres()).migratedDatabase();
    await putPolicySet(databaseUrl, policyCrowd(pace.manyTenants, pace.manyPolicies));
    const loaded: Loaded[] = [];
    let child: Child | null = null;
    for (let load = 0; load < LOADS; load += 1) {
      await child?.stop();
      child = await world.child(new URL("../servers/policies.program.ts", import.meta.url), ["--expose-gc"]);
      loaded.push(await child.ask<Loaded>({ kind: "load", databaseUrl } satisfies PoliciesOrder));
    }
    return [
      figureOf(
        "load from PostgreSQL",
        "ms",
        loaded.map(({ elapsedMs }) => elapsedMs),
        atMost(3_000),
      ),
      figureOf(
        "memory: heap and external",
        "MB",
        loaded.map(({ grownBytes }) => grownBytes / MEGABYTE),
        atMost(60),
      ),
      figureOf(
        "longest stay of the event loop while loading",
        "ms",
        loaded.map(({ longestStayMs }) => longestStayMs),
      ),
      ...(child === null ? [] : await changes(child, databaseUrl, pace)),
      ...(await matching(world, pace)),
    ];
  },
};

type Change = Readonly<{ sinceCommitMs: number; sinceBeginMs: number; longestStayMs: number }>;

/** One tenant at a time gets another plan. */
async function changes(child: Child, databaseUrl: string, pace: Pace): Promise<Figure[]> {
  const postgres = openPostgres<PolicyTables>({ url: databaseUrl, poolSize: 1 });
  const made: Change[] = [];
  try {
    for (let index = 0; index < pace.changes; index += 1) {
      await child.ask({ kind: "watch" } satisfies PoliciesOrder);
      const beginMs = nowMs();
      const { version } = await changePolicies(postgres.sql, (change) =>
        setTenantPlan(change, crowdTenantId(index * 17), crowdPlanName(index * 17 + 1), null),
      );
      const committedMs = nowMs();
      const order: PoliciesOrder = { kind: "await_version", version: version ?? 0 };
      const { atMs, longestStayMs } = await child.ask<InForce>(order);
      made.push({ sinceCommitMs: atMs - committedMs, sinceBeginMs: atMs - beginMs, longestStayMs });
    }
  } finally {
    await postgres.close();
  }
  // The first change also warms up the code that makes it: it is left out.
  const warm = made.slice(1);
  return [
    figureOf(
      "one tenant's change: commit to in force",
      "ms",
      warm.map(({ sinceCommitMs }) => sinceCommitMs),
      atMost(50),
    ),
    figureOf(
      "one tenant's change: begin to in force",
      "ms",
      warm.map(({ sinceBeginMs }) => sinceBeginMs),
    ),
    figureOf(
      "longest stay of the event loop during a change",
      "ms",
      warm.map(({ longestStayMs }) => longestStayMs),
    ),
  ];
}

async function matching(world: World, pace: Pace): Promise<Figure[]> {
  const child = await world.child(new URL("../servers/match.program.ts", import.meta.url));
  const { manyTenants: tenants, manyPolicies } = pace;
  const match = (policies: number, calls: number) => (seconds: number) =>
    child.ask<number>({ tenants, policies, calls, seconds } satisfies MatchOrder);
  const { fewHot, manyHot, fewSpread, manySpread } = await takeTurns(
    {
      fewHot: match(FEW_POLICIES, HOT_CALLS),
      manyHot: match(manyPolicies, HOT_CALLS),
      fewSpread: match(FEW_POLICIES, SPREAD_CALLS),
      manySpread: match(manyPolicies, SPREAD_CALLS),
    },
    { ...pace, windowSeconds: pace.windowSeconds / 2 },
  );
  const [few, many] = [`match with ${FEW_POLICIES} policies`, `match with ${manyPolicies} policies`];
  return [
    figureOf(`${many} / ${FEW_POLICIES}, ${HOT_CALLS} different calls`, "x", ratios(manyHot, fewHot), atMost(2)),
    figureOf(
      `${many} / ${FEW_POLICIES}, ${SPREAD_CALLS} different calls`,
      "x",
      ratios(manySpread, fewSpread),
      atMost(2),
    ),
    figureOf(`${few}, ${HOT_CALLS} different calls`, "ns", fewHot),
    figureOf(`${many}, ${HOT_CALLS} different calls`, "ns", manyHot),
    figureOf(`${few}, ${SPREAD_CALLS} different calls`, "ns", fewSpread),
    figureOf(`${many}, ${SPREAD_CALLS} different calls`, "ns", manySpread),
  ];
}
