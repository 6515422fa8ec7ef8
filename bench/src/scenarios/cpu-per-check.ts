// What a check costs the service's process, measured in what node:http and JSON cost anyway.
import { closedWindow } from "../closed-window.ts";
import { takeTurns } from "../rounds.ts";
import { atMost, type Scenario } from "../scenario.ts";
import { figureOf, ratios } from "../statistics.ts";
import { CONNECTIONS, checkJob, echoJob, startEchoLike } from "./single-check.ts";

export const cpuPerCheck: Scenario = {
  name: "cpu-per-check",
  about: `single checks and a bare node:http JSON echo of the same sizes, ${CONNECTIONS} connections each`,
  run: async (world, pace) => {
    const service = await world.service([1], 64);
    const echo = await startEchoLike(service, world);
    const redisPid = world.redis.pid();
    const { check, bare } = await takeTurns(
      {
        check: (seconds) =>
          closedWindow(world.generator, { serverPid: service.pid, redisPid }, checkJob(service, seconds)),
        bare: (seconds) =>
          closedWindow(world.generator, { serverPid: echo.pid, redisPid }, echoJob(echo.port, seconds)),
      },
      pace,
    );
    const checkUs = check.map(({ serverUs }) => serverUs);
    const echoUs = bare.map(({ serverUs }) => serverUs);
    const checksPerSecond = check.map(({ perSecond }) => perSecond);
    const echoesPerSecond = bare.map(({ perSecond }) => perSecond);
    return [
      figureOf("CPU time per check / per echo", "x", ratios(checkUs, echoUs), atMost(1.8)),
      figureOf("CPU time of the service per check", "us", checkUs),
      figureOf("CPU time of the echo per request", "us", echoUs),
      figureOf("checks per second", "1/s", checksPerSecond),
      figureOf("echoes per second", "1/s", echoesPerSecond),
      figureOf("checks per second / echoes per second", "x", ratios(checksPerSecond, echoesPerSecond)),
      figureOf(
        "CPU time of Redis per check",
        "us",
        check.map(({ redisUs }) => redisUs),
      ),
      figureOf(
        "CPU time of the generator per check",
        "us",
        check.map(({ generatorUs }) => generatorUs),
      ),
    ];
  },
};
