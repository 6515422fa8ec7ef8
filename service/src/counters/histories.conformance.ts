// Random histories of takes, and their replay against a store and the model at once.
// A history is cheap (at most MAX_TAKES takes) and has tenants of its own, so thousands may share one store.
// The clock moves forward by anything from nothing to days, over the ends of days and months, and steps back by at most
// MAX_STEP_BACK_MS behind its highest reading: further back a store may have forgotten what had ended.
import { MAX_COST, MAX_QUOTA, MAX_RATE_LIMIT, type Scope, WINDOWS, type Window } from "@sluice/contract";
import fc from "fast-check";
import { expect } from "vitest";
import { type Periods, periodHolding, periodsAt } from "../limits/quota-period.ts";
import { windowUsed } from "./admission.ts";
import type { Claim, WindowLimit } from "./claim.ts";
import { ANONYMOUS_USER, type Counters, type Take, type TakeCheck, type TakenCheck } from "./counters.ts";
import { CounterModel } from "./model.conformance.ts";

const MAX_TAKES = 12;
const MAX_CHECKS = 3;
const MAX_STEP_BACK_MS = 1_800_000;
/** A request id is used again only while the clock makes moves up to this, so that no history depends on its end. */
const REPLAYABLE_MOVE_MS = 1_000;

/** Scope and API of the counters that a history's checks choose from. */
const IDENTITIES: readonly (readonly [Scope, string | null])[] = [
  ["TENANT", null],
  ["TENANT_API", "GET /v1/**"],
  ["TENANT_API", "ANY /v1/report/*"],
  ["TENANT_USER", null],
  ["TENANT_USER_API", "GET /v1/**"],
];

/** Just before days and months end, in zones whose clocks change there too. */
const STARTS = [
  ["UTC", "2026-11-30T23:59:58.700Z"],
  ["UTC", "2028-02-29T11:59:59.999Z"],
  ["Asia/Seoul", "2026-12-31T14:59:59.000Z"],
  ["America/New_York", "2026-11-01T03:59:30.000Z"],
  ["Australia/Lord_Howe", "2026-10-03T13:29:59.500Z"],
] as const;

type Move = Readonly<{ kind: "by"; ms: number } | { kind: "to_day_end"; offsetMs: number }>;
type DrawnClaim = Readonly<{ identity: number; windows: readonly Window[]; shadow: readonly Window[] }>;
type DrawnCheck = Readonly<{
  user: string;
  cost: number;
  requestId: string | null;
  capacity: number;
  claims: number[];
}>;
type DrawnTake = Readonly<{ move: Move; tenant: number; claims: readonly DrawnClaim[]; checks: readonly DrawnCheck[] }>;
export type History = Readonly<{ start: (typeof STARTS)[number]; takes: readonly DrawnTake[] }>;

const moves: fc.Arbitrary<Move> = fc.oneof(
  { weight: 4, arbitrary: by(fc.nat(40)) },
  { weight: 4, arbitrary: by(fc.nat(1_500)) },
  { weight: 3, arbitrary: by(fc.nat(130_000)) },
  { weight: 2, arbitrary: by(fc.integer({ min: -3_000, max: -1 })) },
  { weight: 1, arbitrary: by(fc.integer({ min: -MAX_STEP_BACK_MS, max: -1 })) },
  { weight: 1, arbitrary: by(fc.nat(3 * 86_400_000)) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("to_day_end" as const), offsetMs: fc.integer({ min: -2, max: 2 }) }),
  },
);

const drawnClaims = fc
  .subarray(
    IDENTITIES.map((_, identity) => identity),
    { minLength: 1, maxLength: 4 },
  )
  .chain((identities) => fc.tuple(...identities.map(claimOn)));

const checks: fc.Arbitrary<DrawnCheck> = fc.record({
  user: fc.constantFrom(ANONYMOUS_USER, "kim", '김 철수|{x}:"', "lee"),
  cost: fc.oneof({ weight: 8, arbitrary: fc.nat(5) }, { weight: 1, arbitrary: fc.constant(MAX_COST) }),
  requestId: fc.option(fc.constantFrom("a", "b"), { freq: 4 }),
  capacity: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 12 }) },
    { weight: 1, arbitrary: fc.constant(MAX_QUOTA) },
  ),
  claims: fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 4 }),
});

export const histories: fc.Arbitrary<History> = fc.record({
  start: fc.constantFrom(...STARTS),
  takes: fc.array(
    fc.record({
      move: moves,
      tenant: fc.nat(1),
      claims: drawnClaims,
      checks: fc.array(checks, { minLength: 1, maxLength: MAX_CHECKS }),
    }),
    { minLength: 1, maxLength: MAX_TAKES },
  ),
});

/** Runs the history on both; throws where they differ. `tenant` must be new to the store, `clock` is the store's. */
export async function replay(
  history: History,
  counters: Counters,
  tenant: string,
  clock: { nowMs: number },
): Promise<void> {
  const model = new CounterModel();
  const [zone, start] = history.start;
  clock.nowMs = Date.parse(start);
  let highestMs = clock.nowMs;
  let replayable = 0;
  let periods = periodsAt(zone, clock.nowMs);

  for (const drawn of history.takes) {
    const beforeMs = clock.nowMs;
    clock.nowMs = Math.max(movedTo(drawn.move, beforeMs, periods), highestMs - MAX_STEP_BACK_MS);
    highestMs = Math.max(highestMs, clock.nowMs);
    if (Math.abs(clock.nowMs - beforeMs) > REPLAYABLE_MOVE_MS || clock.nowMs < beforeMs) replayable += 1;
    // Handed in are the periods of an earlier take, as long as they will do: the caller's clock is not the store's.
    if (!holds(periods, clock.nowMs)) periods = periodsAt(zone, clock.nowMs);
    const order = orderOf(drawn, `${tenant}.${drawn.tenant}`, periods, replayable);
    const taken = await counters.take(order);
    if (taken.kind === "unavailable") throw new Error(`the store was unavailable: ${taken.cause}`);

    const labels = {
      dayLabel: periodHolding(periods.day, clock.nowMs)?.label ?? 0,
      monthLabel: periodHolding(periods.month, clock.nowMs)?.label ?? 0,
    };
    const expected = order.checks.map((check) =>
      shown(model.take(order.tenant, check, clock.nowMs, labels), clock.nowMs, labels),
    );
    expect({
      nowMs: taken.nowMs,
      dayLabel: taken.dayLabel,
      monthLabel: taken.monthLabel,
      checks: taken.checks.map((check) => shown(check, clock.nowMs, labels)),
    }).toEqual({ nowMs: clock.nowMs, ...labels, checks: expected });
  }
}

/** What a caller can tell from a taken check; how a store splits a quota into base and since is its own matter. */
function shown(check: TakenCheck, nowMs: number, labels: { dayLabel: number; monthLabel: number }) {
  return {
    ...check,
    states: check.states.map((state) => ({
      second: state.second,
      minute: state.minute,
      day: state.day,
      quotaDay: windowUsed(state, "quotaDay", nowMs, labels),
      month: windowUsed(state, "month", nowMs, labels),
    })),
  };
}

function orderOf(drawn: DrawnTake, tenant: string, periods: Periods, replayable: number): Take {
  return {
    tenant,
    periods,
    maxUsersPerDay: 1_000,
    checks: drawn.checks.map((check): TakeCheck => {
      const chosen = drawn.claims.filter((_, i) => check.claims.includes(i));
      return {
        claims: (chosen.length > 0 ? chosen : drawn.claims).map((claim) => claimOf(claim, check.capacity)),
        user: check.user,
        cost: check.cost,
        requestId: check.requestId === null || check.cost === 0 ? null : `${check.requestId}${replayable}`,
        usageApi: "GET /v1/**",
      };
    }),
  };
}

/** Within one take a counter has the same windows in every check, as it has under one version of the policies. */
function claimOf({ identity, windows, shadow }: DrawnClaim, capacity: number): Claim {
  const [scope, api] = IDENTITIES[identity] ?? ["TENANT", null];
  const limit = (window: Window, i: number): WindowLimit => ({
    window,
    capacity: window === "quotaDay" || window === "month" ? capacity : Math.min(capacity + i, MAX_RATE_LIMIT),
    source: { policyId: `p-${identity}`, target: "TENANT", scope },
  });
  return { scope, api, enforced: windows.map(limit), shadow: shadow.map(limit) };
}

function claimOn(identity: number): fc.Arbitrary<DrawnClaim> {
  return fc
    .tuple(fc.subarray([...WINDOWS]), fc.subarray([...WINDOWS], { maxLength: 2 }), fc.constantFrom(...WINDOWS))
    .map(([windows, shadow, least]) => ({
      identity,
      windows: windows.length + shadow.length === 0 ? [least] : windows,
      shadow,
    }));
}

function movedTo(move: Move, nowMs: number, periods: Periods): number {
  return move.kind === "by" ? nowMs + move.ms : periods.day.current.endMs + move.offsetMs;
}

function holds(periods: Periods, nowMs: number): boolean {
  return periodHolding(periods.day, nowMs) !== null && periodHolding(periods.month, nowMs) !== null;
}

function by(ms: fc.Arbitrary<number>): fc.Arbitrary<Move> {
  return ms.map((drawn) => ({ kind: "by", ms: drawn }));
}
