// What the script costs Redis, beside one that reads and writes a string of the same size and does nothing with it.
// Redis measures itself (commandstats): the time inside the command, without the network. Both are sent by the generator
// alike, without the service: its process would take the core from under one of the two, and Redis counts by the clock.
import { TAKE_SCRIPT } from "@sluice/service/counters/scripts.redis.ts";
import { type ScopeCount, tenantId } from "../bench-policies.ts";
import { ANY_REPLY, bareKey, bareTake, command } from "../requests.ts";
import { takeTurns } from "../rounds.ts";
import { atMost, type Scenario } from "../scenario.ts";
import { figureOf, ratios } from "../statistics.ts";
import type { World } from "../world.ts";

const TENANTS = 64;
/** Few, so that Redis is not asked by many at once: its own queue is not what is measured. */
const CONNECTIONS = 8;

/** The tenant's own key with five windows: see state.lua. */
const STATE_BYTES = 101;
const GET_AND_SET = "redis.call('GET', KEYS[1]) redis.call('PSETEX', KEYS[1], '5000000', ARGV[1]) return 1";

export const script: Scenario = {
  name: "script",
  about: `Redis time per EVALSHA (commandstats) of takes with 1 to 4 scopes, and of a script with one GET and one SET`,
  run: async (world, pace) => {
    const plainSha = await load(world, GET_AND_SET);
    await load(world, TAKE_SCRIPT.text);
    const asking = (requestOf: (tenant: number) => string) => {
      const requests = Array.from({ length: TENANTS }, (_, tenant) => requestOf(tenant));
      const job = { port: world.redis.port, protocol: "resp" as const, requests, expect: ANY_REPLY };
      return (seconds: number) =>
        evalshaUs(world, () => world.generator.closedLoop({ ...job, connections: CONNECTIONS, seconds }));
    };
    const takes = (scopes: ScopeCount) => asking((tenant) => bareTake(tenantId(scopes, tenant), scopes));
    const plain = asking((tenant) =>
      command(["EVALSHA", plainSha, "1", `plain:{${tenantId(1, tenant)}}`, "x".repeat(STATE_BYTES)]),
    );
    const samples = await takeTurns(
      { plain, one: takes(1), two: takes(2), three: takes(3), four: takes(4) },
      { ...pace, windowSeconds: pace.windowSeconds / 2 },
    );
    const known = await world.redis.command("EXISTS", bareKey(tenantId(1, 0)), bareKey(tenantId(4, 0)));
    if (known !== 2) throw new Error("The takes were not admitted: their counters are not there.");
    const { plain: getAndSet, one, two, three, four } = samples;
    const more = (further: readonly number[], fewer: readonly number[]) =>
      further.map((us, round) => ((us - (fewer[round] ?? Number.NaN)) / (one[round] ?? Number.NaN)) * 100);
    return [
      figureOf("one scope / GET and SET", "x", ratios(one, getAndSet), atMost(3)),
      figureOf("second scope, of the time of one", "%", more(two, one), atMost(35)),
      figureOf("third scope, of the time of one", "%", more(three, two), atMost(35)),
      figureOf("fourth scope, of the time of one", "%", more(four, three), atMost(35)),
      figureOf("GET and SET", "us", getAndSet),
      figureOf("one scope", "us", one),
      figureOf("two scopes", "us", two),
      figureOf("three scopes", "us", three),
      figureOf("four scopes", "us", four),
    ];
  },
};

async function load({ redis }: World, text: string): Promise<string> {
  return String(await redis.command("SCRIPT", "LOAD", text));
}

/** Microseconds of Redis per EVALSHA while `traffic` runs. */
async function evalshaUs({ redis }: World, traffic: () => Promise<unknown>): Promise<number> {
  await redis.command("CONFIG", "RESETSTAT");
  await traffic();
  const stats = String(await redis.command("INFO", "commandstats"));
  const [, calls, us] = /cmdstat_evalsha:calls=(\d+),usec=(\d+)/.exec(stats) ?? [];
  if (calls === undefined) throw new Error(`Redis counted no EVALSHA:\n${stats}`);
  return Number(us) / Number(calls);
}
