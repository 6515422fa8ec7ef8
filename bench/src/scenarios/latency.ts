// How long a caller waits at a rate far below saturation, and how much of it is the round trip to Redis.
import type { OpenResult } from "../generator/job.ts";
import { ANY_REPLY, bareTake } from "../requests.ts";
import { takeTurns } from "../rounds.ts";
import { atMost, type Figure, type Scenario } from "../scenario.ts";
import { figureOf, ratios } from "../statistics.ts";
import { CHECK_REQUESTS, checkJob, echoJob, startEchoLike, TENANT_IDS } from "./single-check.ts";

const PER_SECOND = 1_000;
/** Enough that no request waits for one while anything answers within 60 ms. */
const CONNECTIONS = 64;
/** P99.9 needs thousands of requests: fewer but longer windows than elsewhere. */
const WINDOW_FACTOR = 6;

export const latency: Scenario = {
  name: "latency",
  about: `open loop, ${PER_SECOND} requests per second as a Poisson process, counted from when each was due`,
  run: async (world, pace) => {
    const service = await world.service([1], CHECK_REQUESTS.length);
    const echo = await startEchoLike(service, world);
    const arrival = { connections: CONNECTIONS, perSecond: PER_SECOND, seed: 20_261_122 };
    const takes = TENANT_IDS.map((tenant) => bareTake(tenant, 1));
    const evalsha = { port: world.redis.port, protocol: "resp" as const, requests: takes, expect: ANY_REPLY };
    const samples = await takeTurns(
      {
        check: (seconds) => world.generator.openLoop({ ...checkJob(service, seconds), ...arrival }),
        evalsha: (seconds) => world.generator.openLoop({ ...evalsha, ...arrival, seconds }),
        echo: (seconds) => world.generator.openLoop({ ...echoJob(echo.port, seconds), ...arrival }),
      },
      { ...pace, windowSeconds: pace.windowSeconds * WINDOW_FACTOR, rounds: Math.ceil(pace.rounds / 2) },
    );
    const p99 = ({ latency }: OpenResult) => latency.p99;
    return [
      figureOf("check P99", "ms", samples.check.map(p99), atMost(2)),
      figureOf(
        "check P99 / bare EVALSHA P99",
        "x",
        ratios(samples.check.map(p99), samples.evalsha.map(p99)),
        atMost(3),
      ),
      ...Object.entries(samples).flatMap(([name, results]) => quantileFigures(name, results)),
    ];
  },
};

function quantileFigures(name: string, results: readonly OpenResult[]): Figure[] {
  return [
    figureOf(
      `${name} P50`,
      "ms",
      results.map(({ latency }) => latency.p50),
    ),
    figureOf(
      `${name} P95`,
      "ms",
      results.map(({ latency }) => latency.p95),
    ),
    figureOf(
      `${name} P99`,
      "ms",
      results.map(({ latency }) => latency.p99),
    ),
    figureOf(
      `${name} P99.9`,
      "ms",
      results.map(({ latency }) => latency.p999),
    ),
    figureOf(
      `${name}: lateness of the generator, P99`,
      "ms",
      results.map(({ lateness }) => lateness.p99),
    ),
  ];
}
