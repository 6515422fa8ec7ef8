import { expect, test } from "vitest";
import type { Claim } from "../counters/claim.ts";
import { QuotaTotals } from "./quota-totals.ts";
import { UsageTotals } from "./usage-totals.ts";

const source = { policyId: "p", target: "TENANT", scope: "TENANT" } as const;
const ofTenant: Claim = {
  scope: "TENANT",
  api: null,
  enforced: [
    { window: "minute", capacity: 10, source },
    { window: "month", capacity: 100, source },
  ],
  shadow: [],
};
const ofUser: Claim = {
  scope: "TENANT_USER",
  api: null,
  enforced: [],
  shadow: [{ window: "quotaDay", capacity: 100, source }],
};
const CLAIMS = [ofTenant, ofUser];
const NOW = { dayLabel: 20261122, monthLabel: 202611, generation: 7 };

const usage = new UsageTotals("p");
const rowOf = (user: string) => usage.row("acme", "GET /v1", user, NOW.dayLabel, 100);
const written = (quotas: QuotaTotals) =>
  quotas.takeChanged(100).totals.map((row) => [row.user, row.window, row.label, row.generation, row.total]);

test("a check counts once in every quota of its claims, shadow ones included, and in no sliding window", () => {
  const quotas = new QuotaTotals("p", () => undefined);
  quotas.acknowledge(rowOf("kim"), CLAIMS, "kim", NOW, 3);
  quotas.acknowledge(rowOf("lee"), CLAIMS, "lee", NOW, 4);
  expect(written(quotas)).toEqual([
    [null, "month", 202611, 7, 7],
    ["kim", "quotaDay", 20261122, 7, 3],
    ["lee", "quotaDay", 20261122, 7, 4],
  ]);
});

test("each generation and period has a sum of its own, and one that comes back goes on where it was", () => {
  const quotas = new QuotaTotals("p", () => undefined);
  quotas.acknowledge(rowOf("kim"), [ofTenant], "kim", NOW, 3);
  quotas.acknowledge(rowOf("kim"), [ofTenant], "kim", { ...NOW, generation: 8 }, 4);
  quotas.acknowledge(rowOf("kim"), [ofTenant], "kim", { ...NOW, dayLabel: 20261201, monthLabel: 202612 }, 5);
  quotas.acknowledge(rowOf("kim"), [ofTenant], "kim", NOW, 1);
  expect(written(quotas)).toEqual([
    [null, "month", 202611, 7, 4],
    [null, "month", 202611, 8, 4],
    [null, "month", 202612, 7, 5],
  ]);
});

test("a sum that was dropped and comes back has another owner", () => {
  const quotas = new QuotaTotals("p", () => undefined);
  for (let generation = 1; generation <= 6; generation += 1) {
    quotas.acknowledge(rowOf("kim"), [ofTenant], "kim", { ...NOW, generation }, 10);
  }
  quotas.acknowledge(rowOf("kim"), [ofTenant], "kim", { ...NOW, generation: 1 }, 1);
  const first = quotas.takeChanged(100).totals.filter(({ generation }) => generation === 1);
  expect(first.map(({ total }) => total)).toEqual([10, 1]);
  expect(new Set(first.map(({ incarnation }) => incarnation)).size).toBe(2);
});

test("for a database that was set back, open periods are written down once more", () => {
  const quotas = new QuotaTotals("p", () => undefined);
  quotas.acknowledge(rowOf("kim"), CLAIMS, "kim", NOW, 3);
  written(quotas);
  quotas.noteSince(20261123);
  expect(written(quotas)).toEqual([[null, "month", 202611, 7, 3]]);
  quotas.noteSince(20261122);
  expect(written(quotas)).toHaveLength(2);
});

test("users who share a usage row keep quotas of their own", () => {
  const quotas = new QuotaTotals("p", () => undefined);
  const shared = rowOf("kim");
  for (const user of ["kim", "lee", "kim"]) quotas.acknowledge(shared, [ofUser], user, NOW, 1);
  expect(written(quotas)).toEqual([
    ["kim", "quotaDay", 20261122, 7, 2],
    ["lee", "quotaDay", 20261122, 7, 1],
  ]);
});

test("another generation of a tenant is told once, and a tenant without quotas has none", () => {
  const told: string[] = [];
  const quotas = new QuotaTotals("p", (tenant) => told.push(tenant));
  for (const generation of [7, 7, 8]) quotas.acknowledge(rowOf("kim"), CLAIMS, "kim", { ...NOW, generation }, 1);
  expect(told).toEqual(["acme", "acme"]);
  expect([quotas.generationOf("acme"), quotas.generationOf("other")]).toEqual([8, 0]);
  quotas.acknowledge(usage.row("other", "GET /v1", "", NOW.dayLabel, 1), [], "", NOW, 1);
  expect(told).toHaveLength(2);
});
