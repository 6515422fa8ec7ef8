import * as fc from "fast-check";
import { Histogram, Registry } from "prom-client";
import { expect, test } from "vitest";
import { collectProcessMetrics, createMetrics } from "./metrics.ts";
import { observe } from "./series.ts";

test("what is recorded is exposed in OpenMetrics", async () => {
  const { metrics, registry } = createMetrics(() => 65_000);
  metrics.decision("QUOTA_EXCEEDED", "month");
  metrics.decision("OK", null);
  metrics.decision("OK", null);
  metrics.store.unavailable("deadline");
  metrics.store.breaker("10.0.0.1:6379", true);
  metrics.store.rebased(3);
  metrics.store.looked({ slotsWithoutOwner: 5_461, mastersWithoutReplica: 1 });
  metrics.policies(42, 60_000);
  metrics.policyReload("replaced");
  metrics.stall(30);
  metrics.watchFallback(() => [{ mode: "ALLOW_ALL", cause: "deadline", allowed: true, answers: 7 }]);
  metrics.watchLimitHits(() => ({ named: 5, folded: 2, dropped: 1 }));
  metrics.watchAuditCheckpoints(() => ({ failures: 2, lastLeftAtMs: 35_000, vouchedAtMs: 60_000 }));
  const text = await registry.metrics();
  for (const line of [
    "# TYPE sluice_decisions counter",
    'sluice_decisions_total{reason="QUOTA_EXCEEDED",window="month"} 1',
    'sluice_decisions_total{reason="OK",window="none"} 2',
    'sluice_store_unavailable_total{cause="deadline"} 1',
    'sluice_store_breaker_open{node="10.0.0.1:6379"} 1',
    "sluice_store_rebased_buckets_total 3",
    "sluice_store_slots_without_owner 5461",
    "sluice_store_masters_without_replica 1",
    "sluice_policy_version 42",
    "sluice_policy_age_seconds 5",
    'sluice_policy_reloads_total{outcome="replaced"} 1',
    'sluice_event_loop_stall_seconds_bucket{le="0.02"} 0',
    'sluice_event_loop_stall_seconds_bucket{le="0.05"} 1',
    'sluice_fallback_answers_total{mode="ALLOW_ALL",cause="deadline",allowed="true"} 7',
    'sluice_limit_hits_total{outcome="folded"} 2',
    "sluice_audit_checkpoint_failures_total 2",
    "sluice_audit_checkpoint_age_seconds 30",
    "sluice_audit_vouched_age_seconds 5",
  ]) {
    expect(text.split("\n")).toContain(line);
  }
  expect(text.endsWith("# EOF\n")).toBe(true);
  expect(registry.contentType).toMatch(/^application\/openmetrics-text/);
});

test("a scrape changes nothing: the next one says the same", async () => {
  const { metrics, registry } = createMetrics(() => 0);
  metrics.decision("OK", null);
  metrics.checkDuration(3);
  expect(await registry.metrics()).toBe(await registry.metrics());
});

test("the process tells its CPU, memory, event-loop delay and GC pauses", async () => {
  const { registry } = createMetrics();
  collectProcessMetrics(registry);
  const text = await registry.metrics();
  for (const name of [
    "process_cpu_seconds",
    "process_resident_memory_bytes",
    "nodejs_eventloop_lag_p99_seconds",
    "nodejs_gc_duration_seconds",
  ]) {
    expect(text).toContain(`# TYPE ${name} `);
  }
});

test("a histogram of ours says what prom-client's own says", async () => {
  const bounds = [0.001, 0.01, 0.1];
  const seconds = fc.array(fc.oneof(fc.constantFrom(0, 0.001, 0.01, 0.1), fc.double({ min: 0, max: 1, noNaN: true })));
  const property = fc.asyncProperty(seconds, async (all) => {
    const theirs = new Registry<"application/openmetrics-text; version=1.0.0; charset=utf-8">();
    const ours = new Registry<"application/openmetrics-text; version=1.0.0; charset=utf-8">();
    for (const registry of [theirs, ours]) registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    const histogram = new Histogram({ name: "a_seconds", help: "a", buckets: bounds, registers: [theirs] });
    const record = observe({ registry: ours, name: "a_seconds", help: "a" }, bounds);
    for (const each of all) {
      histogram.observe(each);
      record(each);
    }
    expect(await ours.metrics()).toBe(await theirs.metrics());
    expect(await ours.getMetricsAsJSON()).toMatchObject([{ name: "a_seconds", aggregator: "sum" }]);
  });
  await fc.assert(property, { seed: 20261122, numRuns: 100 });
});
