// What was acknowledged on its way to PostgreSQL, and quotas on their way back: read when scraped.
// Alert on the age: it stays below two intervals while all is well.
import { Counter, Gauge } from "prom-client";
import type { SeriesRegistry } from "./series.ts";

export type UsageTally = Readonly<{
  /** Rows that wait to be written down, and those that were given up because too many waited. */
  unwritten: number;
  lost: number;
  written: number;
  /** Rows of days that were closed already. */
  late: number;
  /** When everything was last written down, UTC ms; null = never yet. */
  finishedAtMs: number | null;
}>;

export type RestoreTally = Readonly<{
  /** Tenants whose quotas wait to be compared with what is written down. */
  owed: number;
  /** Tenants compared, and counters that were below. */
  restored: number;
  raised: number;
  failed: number;
}>;

export function publishUsage(registry: SeriesRegistry, tally: () => UsageTally, nowMs: () => number): void {
  new Gauge({
    name: "sluice_usage_unwritten_rows",
    help: "Rows of usage and quotas in memory whose latest sums are not in PostgreSQL.",
    registers: [registry],
    collect() {
      this.set(tally().unwritten);
    },
  });
  new Counter({
    name: "sluice_usage_rows",
    help: "Rows of usage and quotas: written, kept apart because their day was closed, or lost because too many waited.",
    labelNames: ["outcome"],
    registers: [registry],
    collect() {
      const { written, late, lost } = tally();
      this.reset();
      for (const [outcome, rows] of Object.entries({ written, late, lost })) this.inc({ outcome }, rows);
    },
  });
  new Gauge({
    name: "sluice_usage_snapshot_age_seconds",
    help: "Since everything acknowledged until then was last in PostgreSQL; absent while it never was.",
    registers: [registry],
    aggregator: "max",
    collect() {
      const { finishedAtMs } = tally();
      if (finishedAtMs === null) this.remove();
      else this.set(Math.max(0, nowMs() - finishedAtMs) / 1000);
    },
  });
}

export function publishRestore(registry: SeriesRegistry, tally: () => RestoreTally): void {
  new Gauge({
    name: "sluice_quota_restores_owed",
    help: "Tenants whose quotas wait to be compared with what PostgreSQL knows was used.",
    registers: [registry],
    collect() {
      this.set(tally().owed);
    },
  });
  new Counter({
    name: "sluice_quota_restores",
    help: "Comparisons of a tenant's quotas with PostgreSQL: ended, counters found below and raised, failed and tried again.",
    labelNames: ["outcome"],
    registers: [registry],
    collect() {
      const { restored, raised, failed } = tally();
      this.reset();
      for (const [outcome, count] of Object.entries({ restored, raised, failed })) this.inc({ outcome }, count);
    },
  });
}
