// A small world for the tests of the doors: a real HTTP listener before the real core over counters in memory.
// Only tests import this.
import { connect } from "node:net";
import type { Decision, Problem } from "@sluice/contract";
import { type Callers, createCallers } from "../auth/callers.http.ts";
import { createHttpListener } from "../platform/http.ts";
import { createMetrics } from "../platform/metrics.ts";
import { createTraceIds } from "../platform/trace.ts";
import { BATCH_PATH, CHECK_PATH, createCheckDoor } from "./check.http.ts";
import { openWorld, type WorldOptions } from "./check.world.ts";
import type { Checks } from "./input.ts";

export type DoorOptions = WorldOptions & Readonly<{ callers?: Callers; checks?: Checks }>;

export type Reply = Readonly<{
  status: number;
  headers: Headers;
  body: Decision & Problem & { decisions: Decision[] };
}>;

/** `check` is a body that the contract accepts. */
export const GOOD_CHECK = { tenantId: "acme", apiPath: "/v1/report", httpMethod: "GET" };

export async function openDoor(options: DoorOptions = {}) {
  const core = await openWorld(options);
  const { metrics, registry } = createMetrics();
  const failures: unknown[] = [];
  const door = createCheckDoor(
    {
      checks: options.checks ?? core.checks,
      callers: options.callers ?? createCallers({ kind: "none" }),
      metrics,
      traceIds: createTraceIds("00000000000000000000"),
      policyVersion: () => 42,
      onFailure: (cause) => failures.push(cause),
    },
    (_request, response) => response.writeHead(404).end("{}"),
  );
  const listener = createHttpListener(door, null);
  const port = await listener.listen(0, "127.0.0.1");
  const url = `http://127.0.0.1:${port}`;

  async function send(
    path: string,
    body: NonNullable<RequestInit["body"]>,
    headers: Record<string, string> = {},
  ): Promise<Reply> {
    const reply = await fetch(url + path, {
      method: "POST",
      body,
      headers: { "content-type": "application/json", ...headers },
    });
    return { status: reply.status, headers: reply.headers, body: (await reply.json()) as Reply["body"] };
  }

  return {
    core,
    failures,
    listener,
    port,
    url,
    metricsText: () => registry.metrics(),
    send,
    check: (body: unknown, headers?: Record<string, string>) => send(CHECK_PATH, JSON.stringify(body), headers),
    batch: (checks: unknown, headers?: Record<string, string>) => send(BATCH_PATH, JSON.stringify({ checks }), headers),
    close: async () => {
      listener.server.closeAllConnections();
      await listener.drain();
    },
  };
}

/** Writes bytes to a port and returns what came back until the peer closed. */
export function sendBytes(port: number, bytes: Buffer | string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let reply = "";
    socket.on("data", (chunk) => {
      reply += chunk.toString("latin1");
    });
    // A reset is an answer too: the peer closed.
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(reply));
    socket.end(bytes);
  });
}
