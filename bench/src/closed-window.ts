// One window of a closed loop against one server, with the CPU time it cost: the sample of most scenarios.

import type { Generator } from "./generator/generator.ts";
import type { ClosedJob } from "./generator/job.ts";
import { cpuMsOf } from "./machine.ts";

export type Watched = Readonly<{ serverPid: number; redisPid: number }>;

/** CPU times are microseconds per request. */
export type ClosedSample = Readonly<{ perSecond: number; serverUs: number; redisUs: number; generatorUs: number }>;

export async function closedWindow(
  generator: Generator,
  { serverPid, redisPid }: Watched,
  job: Omit<ClosedJob, "kind">,
): Promise<ClosedSample> {
  const [serverMs, redisMs] = [cpuMsOf(serverPid), cpuMsOf(redisPid)];
  const { completed, elapsedSeconds, generatorMs } = await generator.closedLoop(job);
  const perRequestUs = (ms: number) => (ms * 1_000) / completed;
  return {
    perSecond: completed / elapsedSeconds,
    serverUs: perRequestUs(cpuMsOf(serverPid) - serverMs),
    redisUs: perRequestUs(cpuMsOf(redisPid) - redisMs),
    generatorUs: perRequestUs(generatorMs),
  };
}
