// The quota periods of a tenant that counters may be asked for: the present ones, one that ended a moment ago, which a
// store's clock that steps back would find again, and one about to begin, in which another node's clock is already. Pure.
import type { Period, PeriodNeighbours, Periods } from "../limits/quota-period.ts";

/** No clock is expected to step back by more, nor two nodes' to differ. */
const FORGIVEN_STEP_MS = 3_600_000;

export type OpenPeriod = Readonly<{
  window: "quotaDay" | "month";
  /** 20261122 or 202611. */
  label: number;
  /** Its first day, 20261122 or 20261101. */
  dayLabel: number;
}>;

/** `periods` are those around `nowMs`, UTC ms. */
export function openPeriods({ day, month }: Periods, nowMs: number): OpenPeriod[] {
  return [
    ...openOf(day, nowMs).map(({ label }) => ({ window: "quotaDay" as const, label, dayLabel: label })),
    ...openOf(month, nowMs).map(({ label }) => ({ window: "month" as const, label, dayLabel: label * 100 + 1 })),
  ];
}

function openOf({ previous, current, next }: PeriodNeighbours, nowMs: number): Period[] {
  return [
    ...(nowMs - previous.endMs < FORGIVEN_STEP_MS ? [previous] : []),
    current,
    ...(next.startMs - nowMs < FORGIVEN_STEP_MS ? [next] : []),
  ];
}
