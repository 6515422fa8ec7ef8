// The demo of `npm start`: tenants to ask about, a little live traffic, and a banner with one curl to copy.
// Only on the embedded default or a development database that holds no tenant yet: it never touches rows of others.
import { resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { CHECK_PATH } from "../check/check.http.ts";
import type { Config } from "../config.ts";
import type { Shutdown } from "../platform/shutdown.ts";
import { putPlans } from "../policies/plans.pg.ts";
import { putPolicies } from "../policies/policies.pg.ts";
import { changePolicies } from "../policies/policy-changes.pg.ts";
import type { PolicyTables } from "../policies/policy-tables.ts";
import { putTenants } from "../policies/tenants.pg.ts";
import type { RunningWorker } from "../service.ts";
import { bannerOf } from "./banner.ts";
import { DEMO_POLICIES } from "./demo-policies.ts";
import { startDemoTraffic } from "./demo-traffic.ts";

const POLICIES_IN_FORCE_MS = 10_000;
const LOOK_MS = 20;

export async function startDemo(config: Config, worker: RunningWorker, shutdown: Shutdown): Promise<void> {
  const url = originOf(config, worker.port);
  await seed(worker);
  await worker.adminReady;
  const stopTraffic = startDemoTraffic(`${url}${CHECK_PATH}`);
  shutdown.before("demo traffic", stopTraffic);
  const opsUrl = worker.opsPort === null ? null : `http://${config.host}:${worker.opsPort}`;
  const dataFolder = config.database.kind === "embedded" ? resolve(config.dataDir) : null;
  process.stdout.write(
    bannerOf({
      adminUrl: `${originOf(config, worker.adminPort)}/docs`,
      checkUrl: `${url}${CHECK_PATH}`,
      opsUrl,
      dataFolder,
      survives: config.redis.kind,
    }),
  );
}

function originOf({ host }: Config, port: number): string {
  return `http://${host === "0.0.0.0" ? "127.0.0.1" : host}:${port}`;
}

async function seed({ postgres, policies: { view } }: RunningWorker): Promise<void> {
  const sql = postgres.sql.$pickTables<keyof PolicyTables>();
  const known = await sql.selectFrom("tenants").select("id").limit(1).execute();
  if (known.length === 0) {
    await changePolicies(sql, async (change) => {
      await putPlans(change, DEMO_POLICIES.plans);
      await putTenants(change, DEMO_POLICIES.tenants, "UTC");
      await putPolicies(change, DEMO_POLICIES.policies);
    });
  }
  const endMs = Date.now() + POLICIES_IN_FORCE_MS;
  while ((view.snapshot()?.tenantCount ?? 0) === 0 && Date.now() < endMs) await wait(LOOK_MS);
}
