// What stands on the screen while a stack runs: every process with its place, and lines to copy.
import { CHECK_PATH } from "@sluice/service/check/check.http.ts";
import { formatTable, type Row } from "../../cli/src/terminal.ts";
import type { PostgresServer } from "./postgres-stack.ts";
import type { RedisServer } from "./redis-stack.ts";
import type { RunningStack } from "./stack.ts";

export async function runningBanner(stack: RunningStack): Promise<string> {
  const { balancer, secrets, folder, instances, checkHeaders } = stack;
  const proofs = Object.entries(checkHeaders).map(([name, value]) => ` -H '${name}: ${value}'`);
  const check = { tenantId: "acme", userId: "kim", apiPath: "/v1/report/export", httpMethod: "POST" };
  const json = "-H 'content-type: application/json'";
  return `
${formatTable(await rowsOf(stack))}

  Checks      ${balancer.url}${CHECK_PATH}
  Admin API   ${balancer.adminUrl}/docs   (sign in as ${secrets.admin.loginId} with ${secrets.admin.password})
  Balancer    ${balancer.statisticsUrl}
  Metrics     ${instances.map(({ opsUrl }) => `${opsUrl}/metrics`).join("  ")}
              (Authorization: Bearer ${secrets.scrapeCredential})
  Folder      ${folder}
  Stop        Ctrl-C

Ask about tenant acme (plan FREE) or globex (plan PRO); sign in; kill a process of the table and ask again:

curl -s -X POST ${balancer.url}${CHECK_PATH} ${json}${proofs.join("")} -d '${JSON.stringify(check)}'

curl -s -X POST ${balancer.adminUrl}/admin/auth/login ${json} -d '${JSON.stringify(secrets.admin)}'

`;
}

async function rowsOf({ redis, postgres, failover, instances, balancer }: RunningStack): Promise<Row[]> {
  const primary = await postgres.primary();
  return [
    ...(await Promise.all(redis.nodes.map(redisRow))),
    ...(failover === null ? [] : [postgresRow(failover.monitor, "PostgreSQL, monitor")]),
    ...postgres.nodes.map((node) =>
      postgresRow(node, node.name === primary.name ? "PostgreSQL, takes writes" : "PostgreSQL, standby"),
    ),
    ...instances.map(({ name, url, adminUrl, opsUrl, pid, dataFolder }) => {
      const ports = [url, adminUrl, opsUrl].map((each) => new URL(each).port).join(" ");
      return { name, part: "service: checks, admin, operations", ports, pid: pid(), folder: dataFolder };
    }),
    {
      name: "balancer",
      part: "HAProxy: checks, admin, statistics",
      ports: [balancer.url, balancer.adminUrl, balancer.statisticsUrl].map((each) => new URL(each).port).join(" "),
      pid: balancer.pid(),
      folder: balancer.folder,
    },
  ];
}

async function redisRow({ name, address, pid, dataFolder, command }: RedisServer): Promise<Row> {
  const isMaster = String(await command("INFO", "replication")).includes("role:master");
  return {
    name,
    part: `Redis, ${isMaster ? "master" : "replica"}`,
    ports: portOf(address),
    pid: pid(),
    folder: dataFolder,
  };
}

function postgresRow({ name, address, pid, dataFolder }: PostgresServer, part: string): Row {
  return { name, part, ports: portOf(address), pid: pid(), folder: dataFolder };
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(":") + 1);
}
