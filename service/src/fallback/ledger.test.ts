import { expect, test } from "vitest";
import type { Claim } from "../counters/claim.ts";
import { periodsAt } from "../limits/quota-period.ts";
import type { ChangedTotals } from "../usage/total-rows.ts";
import { createLedger, type LedgerEntry } from "./ledger.ts";

const noon = Date.parse("2026-11-22T12:00:00Z");
const source = { policyId: "plan:FREE", target: "PLAN", scope: "TENANT" } as const;
const tenantQuotas: Claim = {
  scope: "TENANT",
  api: null,
  enforced: [
    { window: "minute", capacity: 10, source },
    { window: "quotaDay", capacity: 10, source },
  ],
  shadow: [{ window: "month", capacity: 10, source }],
};
const userQuota: Claim = {
  scope: "TENANT_USER_API",
  api: "GET /v1/**",
  enforced: [{ window: "month", capacity: 10, source }],
  shadow: [],
};

const entry = (differs: Partial<LedgerEntry> = {}): LedgerEntry => ({
  tenant: "acme",
  user: "u-1",
  usageApi: "GET /v1/**",
  claims: [tenantQuotas, userQuota],
  cost: 3,
  periods: periodsAt("Asia/Seoul", noon),
  ...differs,
});

const written = <Total>(book: ChangedTotals<Total>) => book.takeChanged(100).totals;

test("an admission is booked as usage and once in every quota it should have counted in, shadow ones included", () => {
  const ledger = createLedger("i");
  ledger.admit(entry());
  const sums = { incarnation: "i.0", source: "FALLBACK", total: 3, retracted: 0 };
  const ofTenant = { tenant: "acme", scope: "TENANT", api: null, user: null, generation: 0 };
  const ofUser = { tenant: "acme", scope: "TENANT_USER_API", api: "GET /v1/**", user: "u-1", generation: 0 };
  expect(written(ledger.usage)).toEqual([
    { tenant: "acme", user: "u-1", usageApi: "GET /v1/**", dayLabel: 20261122, ...sums },
  ]);
  expect(written(ledger.quotas)).toEqual([
    { ...ofTenant, window: "quotaDay", label: 20261122, ...sums },
    { ...ofTenant, window: "month", label: 202611, ...sums },
    { ...ofUser, window: "month", label: 202611, ...sums },
  ]);
});

test("a pending admission that ran is retracted as usage, once, and never was in a quota", () => {
  const ledger = createLedger("i");
  ledger.admit(entry());
  const settle = ledger.admitPending(entry({ cost: 4 }));
  settle(true);
  settle(true);
  settle(false);
  ledger.giveUpPending();
  expect(written(ledger.usage)).toMatchObject([{ total: 7, retracted: 4 }]);
  for (const line of written(ledger.quotas)) expect(line).toMatchObject({ total: 3, retracted: 0 });
});

test("a pending admission is in quotas as soon as it is known not to have run, or given up", () => {
  const ledger = createLedger("i");
  const ofOneQuota = entry({ claims: [userQuota] });
  const settle = ledger.admitPending(ofOneQuota);
  const other = ledger.admitPending(ofOneQuota);
  expect(written(ledger.usage)).toMatchObject([{ total: 6 }]);
  expect(written(ledger.quotas)).toEqual([]);
  settle(false);
  expect(written(ledger.quotas)).toMatchObject([{ total: 3 }]);
  ledger.giveUpPending();
  other(false);
  expect(written(ledger.quotas)).toMatchObject([{ total: 6 }]);
});

test("a retraction after the line was written down makes it wait again", () => {
  const ledger = createLedger("i");
  const settle = ledger.admitPending(entry());
  written(ledger.usage);
  expect(written(ledger.usage)).toEqual([]);
  settle(true);
  expect(written(ledger.usage)).toMatchObject([{ total: 3, retracted: 3 }]);
});

test("what could not be written down waits again, and everything does for a database that was set back", () => {
  const ledger = createLedger("i");
  ledger.admit(entry());
  const { rows } = ledger.usage.takeChanged(100);
  expect(ledger.usage.unwritten).toBe(0);
  ledger.usage.putBack(rows);
  expect(written(ledger.usage)).toMatchObject([{ total: 3 }]);
  ledger.usage.noteSince(20261122);
  expect(written(ledger.usage)).toMatchObject([{ total: 3 }]);
  ledger.usage.noteSince(20261123);
  expect(written(ledger.usage)).toEqual([]);
  written(ledger.quotas);
  ledger.quotas.noteSince(20261123);
  expect(written(ledger.quotas).map(({ window }) => window)).toEqual(["month", "month"]);
});

test("days, users and APIs have lines of their own, tenant quotas one line for all users", () => {
  const ledger = createLedger("i");
  ledger.admit(entry());
  ledger.admit(entry({ user: "u-2" }));
  ledger.admit(entry({ usageApi: "GET /v2/**" }));
  ledger.admit(entry({ periods: periodsAt("Asia/Seoul", noon + 86_400_000) }));
  expect(written(ledger.usage).map(({ total }) => total)).toEqual([3, 3, 3, 3]);
  const month = written(ledger.quotas).filter(({ window, user }) => window === "month" && user === null);
  expect(month.map(({ total }) => total)).toEqual([12]);
});

test("a full book begins anew as another owner's; what waits is bounded, and what is given up is counted", () => {
  const ledger = createLedger("i", 2);
  const oneQuota = { claims: [userQuota] };
  for (const user of ["u-1", "u-2", "u-3", "u-1"]) ledger.admit(entry({ ...oneQuota, user }));
  expect(written(ledger.usage).map(({ user, incarnation, total }) => [user, incarnation, total])).toEqual([
    ["u-3", "i.1", 3],
    ["u-1", "i.1", 3],
  ]);
  expect([ledger.usage.lost, ledger.quotas.lost]).toEqual([2, 2]);
});
