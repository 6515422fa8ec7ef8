// policies/policy-read.pg.ts, as functions of the model's state with the names and arguments of the real ones.
import type { RebuildablePool } from "../../src/platform/pool.ts";
import type { Plan, Tenant } from "../../src/policies/policy.ts";
import { isSameHistory } from "../../src/policies/policy-head.pg.ts";
import type { PolicyRead } from "../../src/policies/policy-read.pg.ts";
import type { PolicyVersion, SnapshotSource } from "../../src/policies/snapshot.ts";
import type { DatabaseState } from "../model-postgres.ts";
import { linkOf } from "../postgres-link.ts";
import { PLAN, POLICIES, SYSTEM_ID, TENANTS } from "../tenants.ts";

const READ_TIMEOUT_MS = 4_000;

export function readPolicies(pool: RebuildablePool, known: PolicyVersion | null): Promise<PolicyRead> {
  const link = linkOf(pool);
  return link.run((stored): PolicyRead => {
    const state = { ...stored, version: link.versionSeen(stored.version) };
    const { version: source } = sourceOf(state);
    if (known === null || !isSameHistory(known, source) || known.version > source.version) {
      return { kind: "all", version: source, source: sourceOf(state) };
    }
    if (known.version === source.version) return { kind: "same", version: source };
    const plans = { changed: [planOf(state)], removed: [] };
    return { kind: "changed", version: source, change: { version: source, plans } };
  }, READ_TIMEOUT_MS);
}

export function sourceOf(state: Pick<DatabaseState, "timeline" | "version" | "limits">): SnapshotSource {
  const { timeline, version } = state;
  return {
    version: { systemId: SYSTEM_ID, timeline, version },
    tenants: TENANTS.map((id): Tenant => ({ id, plan: PLAN, status: "ACTIVE", timeZone: "UTC", nextPlan: null })),
    plans: [planOf(state)],
    policies: POLICIES,
    credentials: [],
  };
}

function planOf({ limits }: Pick<DatabaseState, "limits">): Plan {
  return { name: PLAN, limits };
}
