// What happens in one simulation, as data: checks, and everything that goes wrong meanwhile, each at its instant.
//
// Drawn from the seed alone. Each seed has only some kinds of faults, so that every few of them meet without the others.
// A plan without some of its events is a plan: that is how a failure is shrunk (shrink.ts).
// Not here: how long each message takes and what is lost on the way, which are drawn while it runs, from the same seed.
import type { FallbackMode } from "@sluice/contract";
import { Random } from "./random.ts";
import { TENANTS, USERS } from "./tenants.ts";

export const SHARDS = 2;
/** Slots for processes: one that was killed is followed by another in the same slot. */
export const MAX_PROCESSES = 3;
const BUSY_MS = 6_000;

export type Ask = Readonly<{ tenant: string; user: string; cost: number; requestId: string | null }>;

export type PlannedEvent = Readonly<{ atMs: number }> &
  (
    | Readonly<{ kind: "check"; process: number; asks: readonly Ask[] }>
    | Readonly<{
        kind: "adjust";
        process: number;
        id: string;
        tenant: string;
        user: string | null;
        amount: number | null;
      }>
    | Readonly<{ kind: "kill" | "stop"; process: number; startsAgainAfterMs: number }>
    | Readonly<{ kind: "freeze"; process: number; forMs: number }>
    | Readonly<{ kind: "flush_store"; shard: number }>
    | Readonly<{ kind: "fail_over"; shard: number; afterMs: number; lagMs: number }>
    | Readonly<{ kind: "freeze_store" | "slow_store"; shard: number; forMs: number }>
    | Readonly<{ kind: "cut"; process: number; shard: number }>
    | Readonly<{ kind: "step_clock"; shard: number; byMs: number }>
    | Readonly<{ kind: "database_away" | "database_silent" | "answers_lost"; forMs: number }>
    | Readonly<{ kind: "back_up" | "set_back" }>
    | Readonly<{ kind: "change_limits" | "change_limits_unheard" }>
  );

export type Plan = Readonly<{
  seed: number;
  startMs: number;
  /** Events happen before this, and whatever lasts is over by then. */
  busyMs: number;
  processes: number;
  fallback: FallbackMode;
  events: readonly PlannedEvent[];
}>;

/** Nothing ends soon; a day and a month end in the middle of it. */
export const NOON_MS = Date.parse("2026-11-22T12:00:10.000Z");
const BEFORE_MONTH_END_MS = Date.parse("2026-11-30T23:59:57.000Z");

export function planOf(seed: number): Plan {
  const random = new Random(seed);
  const events: PlannedEvent[] = [];
  const startMs = random.chance(0.15) ? BEFORE_MONTH_END_MS : NOON_MS;
  const processes = random.between(1, MAX_PROCESSES);
  const fallback = random.pick<FallbackMode>(["ALLOW_ALL", "ALLOW_ALL", "BLOCK_ALL", "STATIC_LIMIT"]);
  for (let count = random.between(15, 45); count > 0; count -= 1) {
    events.push({ kind: "check", atMs: random.next() * BUSY_MS, process: slot(random), asks: asks(random) });
  }
  for (const draw of FAULTS) {
    if (!random.chance(0.22)) continue;
    for (let times = random.between(1, 2); times > 0; times -= 1)
      events.push(...draw(random, random.next() * (BUSY_MS - 3_000) + 300));
  }
  return { seed, startMs, busyMs: BUSY_MS, processes, fallback, events: events.toSorted((a, b) => a.atMs - b.atMs) };
}

type Draw = (random: Random, atMs: number) => PlannedEvent[];

const FAULTS: readonly Draw[] = [
  (random, atMs) => [{ kind: "kill", atMs, process: slot(random), startsAgainAfterMs: random.between(10, 2_000) }],
  (random, atMs) => [{ kind: "stop", atMs, process: slot(random), startsAgainAfterMs: random.between(10, 2_000) }],
  (random, atMs) => [{ kind: "freeze", atMs, process: slot(random), forMs: random.between(20, 4_000) }],
  (random, atMs) => [{ kind: "flush_store", atMs, shard: shard(random) }],
  (random, atMs) => {
    return [
      {
        kind: "fail_over",
        atMs,
        shard: shard(random),
        afterMs: random.between(50, 3_000),
        lagMs: random.between(0, 2_000),
      },
    ];
  },
  (random, atMs) => [{ kind: "freeze_store", atMs, shard: shard(random), forMs: random.between(5, 2_500) }],
  (random, atMs) => [{ kind: "slow_store", atMs, shard: shard(random), forMs: random.between(500, 3_000) }],
  (random, atMs) =>
    [0, 1, 2].map(
      (): PlannedEvent => ({
        kind: "cut",
        atMs: atMs + random.next() * 900,
        process: slot(random),
        shard: shard(random),
      }),
    ),
  (random, atMs) => [
    { kind: "step_clock", atMs, shard: shard(random), byMs: random.pick([-90_000, -2_000, -300, 300, 5_000]) },
  ],
  (random, atMs) => [{ kind: "database_away", atMs, forMs: random.between(100, 3_000) }],
  (random, atMs) => [{ kind: "database_silent", atMs, forMs: random.between(100, 3_000) }],
  (random, atMs) => [{ kind: "answers_lost", atMs, forMs: random.between(100, 1_500) }],
  (random, atMs) => [
    { kind: "back_up", atMs: random.next() * atMs },
    { kind: "set_back", atMs },
  ],
  (random, atMs) => [{ kind: random.chance(0.5) ? "change_limits" : "change_limits_unheard", atMs }],
  (random, atMs) => [
    {
      ...{
        kind: "adjust",
        atMs,
        process: slot(random),
        id: `adjustment-${Math.floor(atMs)}`,
        tenant: random.pick(TENANTS),
      },
      ...{
        user: random.chance(0.3) ? random.pick(USERS) : null,
        amount: random.chance(0.2) ? null : random.between(-12, 6) || 1,
      },
    },
  ],
];

export function asks(random: Random): Ask[] {
  const tenant = random.pick(TENANTS);
  return Array.from({ length: random.chance(0.15) ? 3 : 1 }, () => ({
    tenant,
    user: random.pick(USERS),
    cost: random.chance(0.1) ? 0 : random.between(1, 4),
    requestId: random.chance(0.2) ? `request-${random.between(1, 4)}` : null,
  }));
}

function slot(random: Random): number {
  return random.between(0, MAX_PROCESSES - 1);
}

function shard(random: Random): number {
  return random.between(0, SHARDS - 1);
}
