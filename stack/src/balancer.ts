// HAProxy before the instances, from the template of `deploy/haproxy`.
//
// Promise: it knows the health of every instance when `startBalancer` returns. Not here: when a check is asked a second
// time, and why (haproxy.cfg).
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { claimPorts } from "../../service/test/ports.ts";
import { startProcess } from "../../service/test/processes.ts";
import { waitFor } from "../../service/test/wait.ts";
import type { ServiceInstance } from "./service-instance.ts";
import { renderTemplate } from "./template.ts";

export type Balancer = Readonly<{
  /** Of checks. */
  url: string;
  /** Of the Admin API. */
  adminUrl: string;
  /** Its own page; `/metrics` for Prometheus. */
  statisticsUrl: string;
  folder: string;
  pid: () => number;
  /** How many instances it sends checks to now. */
  instancesUp: () => Promise<number>;
  stop: () => Promise<void>;
}>;

const MOST_CONNECTIONS = 4_096;
const START_TIMEOUT_MS = 10_000;

/** What the balancer has to know of an instance. */
type Place = Pick<ServiceInstance, "name" | "url" | "adminUrl" | "opsUrl">;

/** `folder` exists, and gets the rendered configuration. */
export async function startBalancer(folder: string, instances: readonly Place[]): Promise<Balancer> {
  const [checkPort = 0, adminPort = 0, statisticsPort = 0] = await claimPorts(3);
  const file = join(folder, "haproxy.cfg");
  const servers = (address: (instance: Place) => string) =>
    instances
      .map((instance) => `  server ${instance.name} ${address(instance)} check port ${new URL(instance.opsUrl).port}`)
      .join("\n");
  const configuration = renderTemplate("haproxy/haproxy.cfg", {
    BIND: "127.0.0.1",
    MOST_CONNECTIONS,
    CHECK_PORT: checkPort,
    ADMIN_PORT: adminPort,
    STATISTICS_PORT: statisticsPort,
    CHECK_SERVERS: servers(({ url }) => new URL(url).host),
    UNWATCHED_CHECK_SERVERS: instances
      .map(({ name, url }) => `  server ${name}-unwatched ${new URL(url).host} backup`)
      .join("\n"),
    ADMIN_SERVERS: servers(({ adminUrl }) => new URL(adminUrl).host),
  });
  await writeFile(file, configuration);
  // -db: in the foreground, as a process that dies with this one.
  const running = await startProcess("haproxy", ["-db", "-f", file], { cwd: folder });
  const statisticsUrl = `http://127.0.0.1:${statisticsPort}`;
  const instancesUp = async () => {
    const page = await (await fetch(`${statisticsUrl}/;csv`, { signal: AbortSignal.timeout(2_000) })).text();
    const row = page.split("\n").find((line) => line.startsWith("checks,BACKEND,"));
    return Number(row?.split(",")[page.split("\n", 1)[0]?.split(",").indexOf("act") ?? -1]);
  };
  try {
    await waitFor(
      "HAProxy has found the instances",
      async () => !running.isRunning() || (await instancesUp()) === instances.length,
      START_TIMEOUT_MS,
    );
    if (!running.isRunning()) throw new Error("HAProxy ended at its start.");
  } catch (fault) {
    await running.stop();
    throw new Error(`${fault instanceof Error ? fault.message : fault} It said:\n${running.output()}`);
  }
  return {
    url: `http://127.0.0.1:${checkPort}`,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    statisticsUrl,
    folder,
    pid: () => running.pid,
    instancesUp,
    stop: running.stop,
  };
}
