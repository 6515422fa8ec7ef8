// The single check that several scenarios measure: five windows in scope TENANT and usage, over 64 tenants in turn.
import { tenantId } from "../bench-policies.ts";
import type { ClosedJob } from "../generator/job.ts";
import { checkBody, checkRequest, DECIDED } from "../requests.ts";
import type { BenchService } from "../servers/service.ts";
import type { World } from "../world.ts";

/** Requests in flight. Both sides of every comparison get the same. */
export const CONNECTIONS = 32;
export const TENANTS = 64;

export const TENANT_IDS: readonly string[] = Array.from({ length: TENANTS }, (_, index) => tenantId(1, index));
export const CHECK_REQUESTS: readonly string[] = TENANT_IDS.map(checkRequest);

export function checkJob({ port }: BenchService, seconds: number): Omit<ClosedJob, "kind"> {
  return { port, protocol: "http", requests: CHECK_REQUESTS, expect: DECIDED, connections: CONNECTIONS, seconds };
}

/** The bare echo, answering as many bytes as a decision has; its process and port. */
export async function startEchoLike(service: BenchService, world: World) {
  const echo = await world.child(new URL("../servers/echo.program.ts", import.meta.url));
  const answer = await service.answerTo(checkBody(tenantId(1, 0)));
  const port = await echo.ask<number>({ answerBytes: Buffer.byteLength(answer) });
  return { pid: echo.pid, port };
}

export function echoJob(port: number, seconds: number): Omit<ClosedJob, "kind"> {
  const expect = '"allowed":true,"echo"';
  return { port, protocol: "http", requests: CHECK_REQUESTS, expect, connections: CONNECTIONS, seconds };
}
