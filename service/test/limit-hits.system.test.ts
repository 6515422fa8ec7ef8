// Refusals of a real service end up in PostgreSQL: within seconds while it runs, and the last ones when it ends.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { policy, tenant } from "./policies.ts";
import { run } from "./postgres.ts";
import { describeWith } from "./services.ts";
import { type SingleStack, SYSTEM_TEST_TIMEOUTS, startStack } from "./stack.ts";
import { waitFor } from "./wait.ts";

const CHECK = { tenantId: "acme", userId: "kim", apiPath: "/closed/door", httpMethod: "GET" };

vi.setConfig(SYSTEM_TEST_TIMEOUTS);

describeWith(["redis-server", "postgres"], "what a service refuses", () => {
  let stack: SingleStack;
  beforeEach(async () => {
    stack = await startStack();
  });
  afterEach(() => stack?.close());

  test("is recorded, by whichever worker, and nothing of it is lost when the service ends", async () => {
    const version = await stack.put({
      plans: [{ name: "FREE", limits: {} }],
      tenants: [tenant({ id: "acme", timeZone: "Asia/Seoul" })],
      policies: [policy({ name: "closed", limits: { perMinute: 0 } })],
    });
    const service = await stack.start({ environment: { SLUICE_WORKERS: "2" } });
    await stack.inForce(version);
    const refuse = async (count: number) => {
      for (let n = 0; n < count; n += 1) expect(await service.ask(CHECK)).toMatchObject({ reason: "BLOCKED" });
    };
    await refuse(10);
    await waitFor("the first refusals", async () => (await recorded()).hits === 10, 30_000);
    await refuse(5);
    service.process.signal("SIGTERM");
    expect(await service.process.ended).toBe(0);
    expect(await recorded()).toEqual({ hits: 15, denied: 15, users: "kim", apis: "ANY /closed/**" });
  });

  async function recorded() {
    const rows = await run(
      stack.postgres.url("test_1"),
      `select coalesce(sum(hits), 0)::int as hits, (select sum(denied)::int from denied_rows) as denied,
        string_agg(distinct user_id, ',') as users, string_agg(distinct api, ',') as apis from limit_hits`,
    );
    return rows[0] ?? {};
  }
});
