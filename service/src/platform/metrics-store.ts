// The metrics of the counter store: its latency, its silences, its breakers. Shaped as the store's observer.
import { Gauge } from "prom-client";
import { countAll, countBy, observe, type SeriesRegistry } from "./series.ts";

/** Why a take had no answer. */
const CAUSES = ["deadline", "breaker_open", "disconnected", "slot_moving", "store_error", "out_of_memory"] as const;
const GIVE_BACKS = ["given_back", "failed"] as const;

/** Seconds. The promises are 10 and 20 ms; the goal is a tenth of that. */
export const DURATION_BOUNDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.05, 0.1, 0.25, 1];
const STALL_BOUNDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5];

export type StoreMetrics = Readonly<{
  replied: (node: string, latencyMs: number) => void;
  unavailable: (cause: (typeof CAUSES)[number]) => void;
  /** Buckets lay ahead of the store's clock and were re-based. */
  rebased: (buckets: number) => void;
  /** A deadline came late because we stood still. */
  stalled: (lateMs: number) => void;
  breaker: (node: string, open: boolean) => void;
  /** After each look at who owns what. */
  looked: (coverage: Readonly<{ slotsWithoutOwner: number; mastersWithoutReplica: number }>) => void;
  gaveBack: (outcome: (typeof GIVE_BACKS)[number]) => void;
}>;

export function createStoreMetrics(registry: SeriesRegistry): StoreMetrics {
  const named = (name: string, help: string) => ({ registry, name: `sluice_store_${name}`, help });
  const latency = observe(named("duration_seconds", "From a take written to its reply."), DURATION_BOUNDS);
  const stalled = observe(named("deadline_stall_seconds", "Deadlines that came late, by our own fault."), STALL_BOUNDS);
  const breaker = new Gauge({
    name: "sluice_store_breaker_open",
    help: "1 while the breaker of a node is open.",
    labelNames: ["node"],
    registers: [registry],
    aggregator: "max",
  });
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `sluice_store_${name}`, help, registers: [registry], aggregator: "max" });
  const uncovered = gauge("slots_without_owner", "Slots that nobody who answers owns: their tenants get the Fallback.");
  const unfollowed = gauge(
    "masters_without_replica",
    "Masters with slots whose death would leave these without owner.",
  );
  return {
    replied: (_node, latencyMs) => latency(latencyMs / 1000),
    unavailable: countBy(named("unavailable", "Takes without an answer in time."), { label: "cause", values: CAUSES }),
    rebased: countAll(named("rebased_buckets", "Buckets found ahead of the store's clock and re-based.")),
    stalled: (lateMs) => stalled(lateMs / 1000),
    breaker: (node, open) => breaker.set({ node }, open ? 1 : 0),
    looked: ({ slotsWithoutOwner, mastersWithoutReplica }) => {
      uncovered.set(slotsWithoutOwner);
      unfollowed.set(mastersWithoutReplica);
    },
    gaveBack: countBy(named("give_backs", "Late successes of refused checks, given back."), {
      label: "outcome",
      values: GIVE_BACKS,
    }),
  };
}
