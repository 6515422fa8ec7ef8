import { afterAll, beforeAll, expect, test } from "vitest";
import { startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { openPostgres } from "../platform/postgres.ts";
import { openMonths } from "../usage/partitions.pg.ts";
import { MONTHLY_TABLES } from "../usage/partitions.ts";
import { OTHER_USER } from "../usage/special-users.ts";
import { line, MINUTE_MS, NOON_MS } from "./limit-hit.world.ts";
import { type LimitHitFilter, type LimitHitItem, type LimitHitKey, listLimitHits } from "./limit-hit-list.pg.ts";
import type { LimitHitTables } from "./limit-hit-tables.ts";
import { addLimitHits } from "./limit-hit-write.pg.ts";

const NOTHING: LimitHitFilter = { tenants: null, user: null, api: null, reason: null, fromMs: null, toMs: null };

describeWithPostgres("the list of limit hits", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function world(lines: readonly Parameters<typeof line>[0][]) {
    const postgres = openPostgres<LimitHitTables>({ url: await server.migratedDatabase() });
    for (const table of MONTHLY_TABLES) await openMonths(postgres.pool, table, [202611, 202612]);
    await addLimitHits(postgres.pool, { writer: "w", sequence: 1, lines: lines.map((part) => line(part)) }, 10_000);
    const list = (filter: Partial<LimitHitFilter> = {}, after: LimitHitKey | null = null, limit = 100) =>
      listLimitHits(postgres.sql, { ...NOTHING, ...filter }, { after, limit });
    return { list, [Symbol.asyncDispose]: postgres.close };
  }

  test("an item says everything that is known of its refusals", async () => {
    await using w = await world([{ hits: 3, cost: 7, firstMs: NOON_MS + 1, lastMs: NOON_MS + 2 }]);
    const [item] = await w.list();
    expect(item).toEqual({
      key: { minuteMs: NOON_MS, tenant: "acme", line: item?.key.line },
      tenantId: "acme",
      userId: "kim",
      api: "GET /v1/**",
      reason: "RATE_LIMIT_EXCEEDED",
      window: "minute",
      policyId: "plan:FREE",
      scope: "TENANT",
      minuteMs: NOON_MS,
      hits: 3,
      cost: 7,
      firstMs: NOON_MS + 1,
      lastMs: NOON_MS + 2,
    });
  });

  test("where no limit refused there is none named, and special users are shown as such", async () => {
    await using w = await world([
      { reason: "TENANT_SUSPENDED", window: null, policyId: null, scope: null, user: OTHER_USER },
    ]);
    expect(await w.list({ user: "(other)" })).toMatchObject([
      { window: null, policyId: null, scope: null, userId: "(other)", reason: "TENANT_SUSPENDED" },
    ]);
  });

  test("each filter leaves what it names", async () => {
    await using w = await world([
      { user: "u1" },
      { user: "u2", tenant: "globex" },
      { user: "u3", api: "POST /v1" },
      { user: "u4", reason: "BLOCKED" },
      { user: "u5", minuteMs: NOON_MS + MINUTE_MS },
      { user: "u6", minuteMs: Date.parse("2026-11-30T23:00:00Z"), dayLabel: 20261201 },
    ]);
    const users = async (filter: Partial<LimitHitFilter>) => (await w.list(filter)).map(({ userId }) => userId).sort();
    expect(await users({})).toEqual(["u1", "u2", "u3", "u4", "u5", "u6"]);
    expect(await users({ tenants: ["globex"] })).toEqual(["u2"]);
    expect(await users({ tenants: ["globex", "acme"] })).toHaveLength(6);
    expect(await users({ tenants: [] })).toEqual([]);
    expect(await users({ user: "u1" })).toEqual(["u1"]);
    expect(await users({ api: "POST /v1" })).toEqual(["u3"]);
    expect(await users({ reason: "BLOCKED" })).toEqual(["u4"]);
    expect(await users({ fromMs: NOON_MS + MINUTE_MS })).toEqual(["u5", "u6"]);
    expect(await users({ toMs: NOON_MS + MINUTE_MS })).toEqual(["u1", "u2", "u3", "u4"]);
    expect(await users({ fromMs: Date.parse("2026-11-30T22:59:00Z"), toMs: Date.parse("2026-12-01Z") })).toEqual([
      "u6",
    ]);
    expect(await users({ tenants: ["acme"], fromMs: NOON_MS, toMs: NOON_MS + 1 })).toEqual(["u1", "u3", "u4"]);
  });

  test("pages of any size follow each other from the newest on, without gap or repetition", async () => {
    const lines = Array.from({ length: 60 }, (_, n) => {
      return { minuteMs: NOON_MS + (n % 4) * MINUTE_MS, tenant: `t${n % 3}`, user: `u${n}` };
    });
    await using w = await world(lines);
    for (const tenants of [null, ["t1"], ["t2", "t0"]]) {
      const filter = { tenants };
      const whole = await w.list(filter);
      const minutes = whole.map(({ minuteMs }) => minuteMs);
      expect(minutes).toEqual(minutes.toSorted((a, b) => b - a));
      const paged: LimitHitItem[] = [];
      for (
        let page = await w.list(filter, null, 7);
        page.length > 0;
        page = await w.list(filter, paged.at(-1)?.key, 7)
      ) {
        paged.push(...page);
      }
      expect(paged).toEqual(whole);
      expect(new Set(paged.map(({ userId }) => userId)).size).toBe(20 * (tenants?.length ?? 3));
    }
  });
});
