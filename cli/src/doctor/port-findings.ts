// Whether the ports of a service are free for it, or taken by a service that runs already. They are called, never bound:
// a service may start at this very moment.
import { connect } from "node:net";
import type { Config } from "@sluice/service/config.ts";
import type { Finding } from "./finding.ts";

const CALL_TIMEOUT_MS = 1_000;

export async function findOnPorts({ host, port, adminPort, opsPort, ops }: Config): Promise<Finding[]> {
  // Where it listens everywhere, it also listens here.
  const called = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  const ports = [
    { check: "SLUICE_PORT", port },
    { check: "SLUICE_ADMIN_PORT", port: adminPort ?? 0 },
    { check: "SLUICE_OPS_PORT", port: opsPort },
  ].filter(({ port }) => port !== 0);
  // With mTLS the operations port answers only whom it knows: nobody is asked.
  const isServed = ops.mtls || (await saysAlive(called, opsPort));
  return await Promise.all(
    ports.map(async ({ check, port }): Promise<Finding> => {
      const place = `${host}:${port}`;
      if (!(await isTaken(called, port))) return { part: "ports", check, state: "ok", detail: `${place} is free` };
      if (isServed) return { part: "ports", check, state: "ok", detail: `${place} is served` };
      const detail = `${place} is taken, and no service says that it is alive: stop the other program, or choose another port`;
      return { part: "ports", check, state: "warn", detail };
    }),
  );
}

async function saysAlive(host: string, opsPort: number): Promise<boolean> {
  if (opsPort === 0) return false;
  const name = host.includes(":") ? `[${host}]` : host;
  try {
    const response = await fetch(`http://${name}:${opsPort}/livez`, { signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
    return ((await response.json()) as { alive?: unknown }).alive === true;
  } catch {
    return false;
  }
}

function isTaken(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CALL_TIMEOUT_MS });
    const end = (taken: boolean) => {
      socket.destroy();
      resolve(taken);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
    socket.once("timeout", () => end(false));
  });
}
