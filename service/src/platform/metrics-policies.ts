// The metrics of the policies in force: which version, how long since PostgreSQL confirmed it, how reloads went.
import { Gauge } from "prom-client";
import { countAll, countBy, type SeriesRegistry } from "./series.ts";

const RELOADS = ["replaced", "unchanged", "failed"] as const;

export type PolicyMetrics = Readonly<{
  /** The policies in force; `confirmedAtMs` is when PostgreSQL last said they are the newest, null = never. */
  policies: (version: number, confirmedAtMs: number | null) => void;
  policyReload: (outcome: (typeof RELOADS)[number]) => void;
  /** A snapshot file with a wrong HMAC or format was ignored. */
  snapshotFileRejected: () => void;
}>;

export function createPolicyMetrics(registry: SeriesRegistry, nowMs: () => number): PolicyMetrics {
  const named = (name: string, help: string) => ({ registry, name: `sluice_${name}`, help });
  let confirmedAtMs: number | null = null;
  // The oldest of all workers counts: a policy is in force when the last one has it.
  const version = new Gauge({
    name: "sluice_policy_version",
    help: "Version of the policies in force; 0 = none was ever loaded.",
    registers: [registry],
    aggregator: "min",
  });
  new Gauge({
    name: "sluice_policy_age_seconds",
    help: "Since PostgreSQL last confirmed the policies in force; absent while it never did.",
    registers: [registry],
    aggregator: "max",
    collect() {
      if (confirmedAtMs === null) this.remove();
      else this.set(Math.max(0, nowMs() - confirmedAtMs) / 1000);
    },
  });
  const rejected = countAll(named("snapshot_file_rejected", "Snapshot files ignored as not ours."));
  return {
    policies: (inForce, at) => {
      version.set(inForce);
      confirmedAtMs = at;
    },
    policyReload: countBy(named("policy_reloads", "Attempts to reload the policies."), {
      label: "outcome",
      values: RELOADS,
    }),
    snapshotFileRejected: () => rejected(1),
  };
}
