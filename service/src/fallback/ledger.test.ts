import { expect, test } from "vitest";
import type { Claim } from "../counters/claim.ts";
import { periodsAt } from "../limits/quota-period.ts";
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

test("an admission is booked as usage and once in every quota it should have counted in, shadow ones included", () => {
  const ledger = createLedger("i-1");
  ledger.admit(entry());
  const sums = { admitted: 3, retracted: 0, refused: 0 };
  const ofTenant = { tenant: "acme", scope: "TENANT", api: null, user: null };
  const ofUser = { tenant: "acme", scope: "TENANT_USER_API", api: "GET /v1/**", user: "u-1" };
  expect(ledger.totals()).toEqual({
    incarnation: "i-1",
    usage: {
      lines: [{ key: { tenant: "acme", user: "u-1", usageApi: "GET /v1/**", dayLabel: 20261122 }, sums }],
      overflow: { admitted: 0, retracted: 0, refused: 0 },
    },
    quotas: {
      lines: [
        { key: { counter: ofTenant, window: "quotaDay", label: 20261122 }, sums },
        { key: { counter: ofTenant, window: "month", label: 202611 }, sums },
        { key: { counter: ofUser, window: "month", label: 202611 }, sums },
      ],
      overflow: { admitted: 0, retracted: 0, refused: 0 },
    },
  });
});

test("sums only grow: a retraction is a sum of its own, and happens once however often it is asked for", () => {
  const ledger = createLedger("i-1");
  ledger.admit(entry());
  const retract = ledger.admit(entry({ cost: 4 }));
  retract();
  retract();
  const { usage, quotas } = ledger.totals();
  for (const line of [...usage.lines, ...quotas.lines]) {
    expect(line.sums).toEqual({ admitted: 7, retracted: 4, refused: 0 });
  }
});

test("refusals are counted as usage only", () => {
  const ledger = createLedger("i-1");
  ledger.refuse(entry());
  ledger.refuse(entry());
  expect(ledger.totals().usage.lines).toMatchObject([{ sums: { admitted: 0, refused: 2 } }]);
  expect(ledger.totals().quotas.lines).toEqual([]);
});

test("days, users and APIs have lines of their own, tenant quotas one line for all users", () => {
  const ledger = createLedger("i-1");
  ledger.admit(entry());
  ledger.admit(entry({ user: "u-2" }));
  ledger.admit(entry({ usageApi: "GET /v2/**" }));
  ledger.admit(entry({ periods: periodsAt("Asia/Seoul", noon + 86_400_000) }));
  const { usage, quotas } = ledger.totals();
  expect(usage.lines.map((line) => line.sums.admitted)).toEqual([3, 3, 3, 3]);
  const month = quotas.lines.filter((line) => line.key.window === "month" && line.key.counter.user === null);
  expect(month.map((line) => line.sums.admitted)).toEqual([12]);
});

test("a full book opens no line and says what it could not tell apart, retractions included", () => {
  const ledger = createLedger("i-1", 2);
  const oneQuota = { claims: [userQuota] };
  ledger.admit(entry({ ...oneQuota, user: "u-1" }));
  ledger.admit(entry({ ...oneQuota, user: "u-2" }));
  const retract = ledger.admit(entry({ ...oneQuota, user: "u-3" }));
  ledger.admit(entry({ ...oneQuota, user: "u-4" }));
  ledger.admit(entry({ ...oneQuota, user: "u-1" }));
  ledger.refuse(entry({ ...oneQuota, user: "u-5" }));
  retract();
  const { usage, quotas } = ledger.totals();
  expect(usage.lines.map((line) => [line.key.user, line.sums.admitted])).toEqual([
    ["u-1", 6],
    ["u-2", 3],
  ]);
  expect(usage.overflow).toEqual({ admitted: 6, retracted: 3, refused: 1 });
  expect(quotas.overflow).toEqual({ admitted: 6, retracted: 3, refused: 0 });
});

test("totals are a picture: what is booked later does not show in them", () => {
  const ledger = createLedger("i-1");
  ledger.admit(entry());
  const before = ledger.totals();
  ledger.admit(entry());
  expect(before.usage.lines[0]?.sums.admitted).toBe(3);
});
