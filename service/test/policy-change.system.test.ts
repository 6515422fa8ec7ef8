// A change made through the repository's functions is in force on every worker of every process.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createCaller } from "./caller.ts";
import { tenant } from "./policies.ts";
import type { ServiceProcess } from "./service-process.ts";
import { describeWith } from "./services.ts";
import { type SingleStack, SYSTEM_TEST_TIMEOUTS, startStack } from "./stack.ts";
import { waitFor } from "./wait.ts";

const CHANGES = 5;
/** The promise is 1 s; the figure is told. What must not be reached here is the poll that makes up for lost notifications. */
const IN_FORCE_MS = 3_000;
/** New connections are dealt out to the workers in turn. */
const CONNECTIONS = 8;

vi.setConfig(SYSTEM_TEST_TIMEOUTS);

describeWith(["redis-server", "postgres"], "a change of policies", () => {
  let stack: SingleStack;
  let services: readonly ServiceProcess[];
  beforeAll(async () => {
    stack = await startStack();
    await stack.put({ plans: [{ name: "FREE", limits: { perDay: 1_000 } }], tenants: [tenant({ id: "acme" })] });
    const ofWorkers = (count: number) => ({ SLUICE_WORKERS: String(count), SLUICE_CHECK_DEADLINE_MS: "5000" });
    services = await Promise.all([2, 1].map((count) => stack.start({ environment: ofWorkers(count) })));
  });
  afterAll(async () => await stack.close());

  test("reaches both workers of one process and a second process by its notification", async ({ annotate }) => {
    const figures: number[] = [];
    for (let change = 1; change <= CHANGES; change += 1) {
      const version = await stack.put({ plans: [{ name: "FREE", limits: { perDay: 1_000 + change } }] });
      const committedMs = Date.now();
      const told = () => services.flatMap((service) => announcements(service, version));
      await waitFor(`three workers have version ${version}`, () => told().length === 3, IN_FORCE_MS);
      figures.push(Math.max(...told().map(({ time }) => Date.parse(time))) - committedMs);
      for (const service of services) expect(await versionsOf(service)).toEqual(new Set([version]));
    }
    await annotate(`in force everywhere ${figures.join(", ")} ms after the commit was known to its author`);
  });

  test("of a limit decides the very next check", async () => {
    await stack.inForce(await stack.put({ plans: [{ name: "FREE", limits: { quotaPerMonth: 1_000 } }] }));
    const [, service] = services;
    if (service === undefined) throw new Error("There is no service.");
    const check = { tenantId: "acme", apiPath: "/orders", httpMethod: "GET", cost: 3 };
    expect(await service.ask(check)).toMatchObject({ reason: "OK", remaining: { quotaMonthly: 997 } });
    await stack.inForce(await stack.put({ plans: [{ name: "FREE", limits: { quotaPerMonth: 5 } }] }));
    const decision = await service.ask(check);
    expect(decision).toMatchObject({ reason: "QUOTA_EXCEEDED", remaining: { quotaMonthly: 2 } });
    expect(decision.deniedBy).toMatchObject({ policyId: "plan:FREE", limit: 5, used: 3 });
    await stack.inForce(await stack.put({ tenants: [tenant({ id: "acme", status: "SUSPENDED" })] }));
    expect(await service.ask(check)).toMatchObject({ reason: "TENANT_SUSPENDED", status: 403 });
  });
});

/** One line of the log for every worker that took the version. */
function announcements(service: ServiceProcess, version: number) {
  return service.log().filter((line) => line.msg === "policies in force" && line.version === version);
}

/** The versions that answers come from, over new connections and so from every worker. */
async function versionsOf(service: ServiceProcess): Promise<Set<unknown>> {
  const versions = new Set<unknown>();
  for (let connection = 0; connection < CONNECTIONS; connection += 1) {
    const caller = createCaller(service.port, false);
    const check = { tenantId: "acme", apiPath: "/", httpMethod: "GET", cost: 0 };
    const { text } = await caller.post("/internal/rate-limit/check", check);
    versions.add((JSON.parse(text) as { policyVersion: number }).policyVersion);
    caller.close();
  }
  return versions;
}
