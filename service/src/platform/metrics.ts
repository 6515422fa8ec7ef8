// Every metric of the service: what may be recorded (`Metrics`), and under which name it is scraped.
// Recording is a few array writes and never throws; no domain file knows prom-client. All labels are closed lists but
// `node`, the store's nodes, of which there are few.
// Durations are handed in as milliseconds and exposed as seconds.
//
// Who records what: the doors `decision`, durations, skew and refusals; the counter store `store`; the policy sync
// `policies`, `policyReload` and `snapshotFileRejected`; the stall watch `stall`. The Fallback, limit hits, audit
// checkpoints, usage and restores are read when scraped.
import { PROBLEMS, type ProblemCode, REASONS, type Reason, WINDOWS, type Window } from "@sluice/contract";
import { collectDefaultMetrics, type OpenMetricsContentType, Registry } from "prom-client";
import { type CheckpointTally, publishAuditCheckpoints } from "./metrics-audit.ts";
import { type FallbackTally, publishFallback } from "./metrics-fallback.ts";
import { type LimitHitTally, publishLimitHits } from "./metrics-limit-hits.ts";
import { createPolicyMetrics, type PolicyMetrics } from "./metrics-policies.ts";
import { createStoreMetrics, DURATION_BOUNDS, type StoreMetrics } from "./metrics-store.ts";
import { publishRestore, publishUsage, type RestoreTally, type UsageTally } from "./metrics-usage.ts";
import { countBy, countByTwo, observe, observeBy, type SeriesRegistry } from "./series.ts";

export type Metrics = Readonly<{
  /** One decision; `window` is that of `deniedBy`, null where nothing refused. */
  decision: (reason: Reason, window: Window | null) => void;
  checkDuration: (ms: number) => void;
  batchDuration: (ms: number) => void;
  refusedRequest: (code: ProblemCode) => void;
  /** The caller's clock minus ours. */
  callerSkew: (ms: number) => void;
  /** Our own event loop stood still. */
  stall: (ms: number) => void;
  store: StoreMetrics;
  /** Names the Fallback whose tally is exposed. Call once. */
  watchFallback: (tally: () => readonly FallbackTally[]) => void;
  /** Names the buffer of limit hits whose tally is exposed. Call once. */
  watchLimitHits: (tally: () => LimitHitTally) => void;
  /** Names the job of audit checkpoints whose tally is exposed. Call once, in the process that has it. */
  watchAuditCheckpoints: (tally: () => CheckpointTally) => void;
  /** Names the job that writes usage down, and the one that brings quotas back. Call each once. */
  watchUsage: (tally: () => UsageTally) => void;
  watchRestore: (tally: () => RestoreTally) => void;
}> &
  PolicyMetrics;

/** A page to be scraped: of this process, or of all workers together. */
export type MetricsText = Readonly<{ contentType: string; text: () => Promise<string> }>;

export type MetricsPage = Readonly<{ metrics: Metrics; registry: SeriesRegistry }>;

const SKEW_BOUNDS = [0.01, 0.1, 1, 5, 30, 60, 300, 3600];
const STALL_BOUNDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5];
const GC_BOUNDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1];
const LOOP_DELAY_PRECISION_MS = 20;
const NO_WINDOW = "none";

export function createMetrics(nowMs: () => number = Date.now): MetricsPage {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const named = (name: string, help: string) => ({ registry, name: `sluice_${name}`, help });
  const decision = countByTwo(
    named("decisions", "Decisions by reason and by the window that refused."),
    { label: "reason", values: REASONS },
    { label: "window", values: [...WINDOWS, NO_WINDOW] },
  );
  const duration = observeBy(named("check_duration_seconds", "From a request's head to its answer."), DURATION_BOUNDS, {
    label: "door",
    values: ["single", "batch"],
  });
  const skew = observeBy(
    named("caller_clock_skew_seconds", "Distance of the caller's timestamp from our clock."),
    SKEW_BOUNDS,
    { label: "direction", values: ["ahead", "behind"] },
  );
  const stall = observe(named("event_loop_stall_seconds", "Times our own event loop stood still."), STALL_BOUNDS);
  const refusedRequest = countBy(named("refused_requests", "Requests answered by a problem document."), {
    label: "code",
    values: Object.keys(PROBLEMS) as ProblemCode[],
  });
  const metrics: Metrics = {
    decision: (reason, window) => decision(reason, window ?? NO_WINDOW),
    checkDuration: (ms) => duration("single", ms / 1000),
    batchDuration: (ms) => duration("batch", ms / 1000),
    refusedRequest,
    callerSkew: (ms) => skew(ms >= 0 ? "ahead" : "behind", Math.abs(ms) / 1000),
    stall: (ms) => stall(ms / 1000),
    store: createStoreMetrics(registry),
    watchFallback: (tally) => publishFallback(registry, tally),
    watchLimitHits: (tally) => publishLimitHits(registry, tally),
    watchAuditCheckpoints: (tally) => publishAuditCheckpoints(registry, tally, nowMs),
    watchUsage: (tally) => publishUsage(registry, tally, nowMs),
    watchRestore: (tally) => publishRestore(registry, tally),
    ...createPolicyMetrics(registry, nowMs),
  };
  return { metrics, registry };
}

/** Adds the process's own series: CPU, memory, handles, event-loop delay, GC pauses. */
export function collectProcessMetrics(registry: SeriesRegistry): void {
  collectDefaultMetrics({
    register: registry,
    gcDurationBuckets: GC_BOUNDS,
    eventLoopMonitoringPrecision: LOOP_DELAY_PRECISION_MS,
  });
}
