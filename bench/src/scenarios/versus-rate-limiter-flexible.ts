// The same five limits through rate-limiter-flexible, the field's most used limiter for Node.js, behind the same echo.
// It decides less: each limit by itself in fixed windows, nothing taken back on refusal, no usage, no explanation.

import { tenantId } from "../bench-policies.ts";
import { type ClosedSample, closedWindow } from "../closed-window.ts";
import { checkBody } from "../requests.ts";
import { takeTurns } from "../rounds.ts";
import { atLeast, type Figure, type Scenario } from "../scenario.ts";
import { figureOf, ratios } from "../statistics.ts";
import { CONNECTIONS, checkJob, echoJob, TENANTS } from "./single-check.ts";

export const versusRateLimiterFlexible: Scenario = {
  name: "versus",
  about: `single checks, and rate-limiter-flexible 11 with five consumes behind the echo, ${CONNECTIONS} connections each`,
  run: async (world, pace) => {
    const service = await world.service([1], TENANTS);
    const answerBytes = Buffer.byteLength(await service.answerTo(checkBody(tenantId(1, 0))));
    const program = new URL("../servers/rate-limiter-flexible.program.ts", import.meta.url);
    const limiter = async (way: "documented" | "cached") => {
      const child = await world.child(program);
      return { pid: child.pid, port: await child.ask<number>({ answerBytes, redisUrl: world.redis.url, way }) };
    };
    const [documented, cached] = [await limiter("documented"), await limiter("cached")];
    const redisPid = world.redis.pid();
    const others =
      ({ pid, port }: { pid: number; port: number }) =>
      (seconds: number) =>
        closedWindow(world.generator, { serverPid: pid, redisPid }, echoJob(port, seconds));
    const samples = await takeTurns(
      {
        ours: (seconds) =>
          closedWindow(world.generator, { serverPid: service.pid, redisPid }, checkJob(service, seconds)),
        documented: others(documented),
        cached: others(cached),
      },
      pace,
    );
    const rate = (of: readonly ClosedSample[]) => of.map(({ perSecond }) => perSecond);
    const { ours } = samples;
    const theirs = rate(samples.cached).map((cached, round) => Math.max(cached, rate(samples.documented)[round] ?? 0));
    return [
      figureOf("checks/s: ours / theirs, the better of both ways", "x", ratios(rate(ours), theirs), atLeast(2)),
      ...figuresOf("ours", ours),
      ...figuresOf("theirs, script cached", samples.cached),
      ...figuresOf("theirs, as documented", samples.documented),
    ];
  },
};

function figuresOf(name: string, samples: readonly ClosedSample[]): Figure[] {
  return [
    figureOf(
      `checks/s, ${name}`,
      "1/s",
      samples.map(({ perSecond }) => perSecond),
    ),
    figureOf(
      `CPU time of the server per check, ${name}`,
      "us",
      samples.map(({ serverUs }) => serverUs),
    ),
    figureOf(
      `CPU time of Redis per check, ${name}`,
      "us",
      samples.map(({ redisUs }) => redisUs),
    ),
  ];
}
