// What the load generator can do alone: against a server that answers the same bytes to anything.
// Where this figure is not far above those of other scenarios, they measured the generator.

import { tenantId } from "../bench-policies.ts";
import { closedWindow } from "../closed-window.ts";
import { checkRequest } from "../requests.ts";
import { takeTurns } from "../rounds.ts";
import type { Scenario } from "../scenario.ts";
import { figureOf } from "../statistics.ts";
import { CONNECTIONS } from "./single-check.ts";

export const generatorAlone: Scenario = {
  name: "generator",
  about: `the load generator over ${CONNECTIONS} connections against a socket that answers fixed bytes`,
  run: async (world, pace) => {
    const sink = await world.child(new URL("../servers/sink.program.ts", import.meta.url));
    const port = await sink.ask<number>({});
    const requests = [checkRequest(tenantId(1, 0))];
    const samples = await takeTurns(
      {
        sink: (seconds) =>
          closedWindow(
            world.generator,
            { serverPid: sink.pid, redisPid: world.redis.pid() },
            { port, protocol: "http", requests, expect: "200 OK", connections: CONNECTIONS, seconds },
          ),
      },
      pace,
    );
    return [
      figureOf(
        "requests per second",
        "1/s",
        samples.sink.map(({ perSecond }) => perSecond),
      ),
      figureOf(
        "generator's CPU time per request",
        "us",
        samples.sink.map(({ generatorUs }) => generatorUs),
      ),
    ];
  },
};
