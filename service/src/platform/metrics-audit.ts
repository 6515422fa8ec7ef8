// Checkpoints of the audit trail on their way out of the database: read when scraped, from the one process that writes them.
// Alert on the second age: it stays below a minute while all is well, also where nothing happens that could be vouched for.
import { Counter, Gauge } from "prom-client";
import type { SeriesRegistry } from "./series.ts";

export type CheckpointTally = Readonly<{
  /** Attempts that failed. */
  failures: number;
  /** When the newest one that is known to have left was signed, UTC ms; null = none is known. */
  lastLeftAtMs: number | null;
  /** When the end of the chain was last found, or made, vouched for outside, UTC ms. */
  vouchedAtMs: number | null;
}>;

export function publishAuditCheckpoints(
  registry: SeriesRegistry,
  tally: () => CheckpointTally,
  nowMs: () => number,
): void {
  new Counter({
    name: "sluice_audit_checkpoint_failures",
    help: "Attempts to carry a signed checkpoint of the audit trail out of the database that failed.",
    registers: [registry],
    collect() {
      this.reset();
      this.inc(tally().failures);
    },
  });
  const age = (name: string, help: string, ofMs: () => number | null) =>
    new Gauge({
      ...{ name: `sluice_audit_${name}_age_seconds`, help, registers: [registry], aggregator: "max" },
      collect() {
        const atMs = ofMs();
        if (atMs === null) this.remove();
        else this.set(Math.max(0, nowMs() - atMs) / 1000);
      },
    });
  age(
    "checkpoint",
    "Since the last checkpoint that left the database was signed; absent while none did.",
    () => tally().lastLeftAtMs,
  );
  age(
    "vouched",
    "Since the end of the audit trail was last vouched for outside; absent while it never was.",
    () => tally().vouchedAtMs,
  );
}
