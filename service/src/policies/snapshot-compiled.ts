// A compiled snapshot: answers which tenant, and what a call of it must obey.
//
// resolve() matches the path in the rulesets of tenant, plan and everyone, which yields a few integers (which patterns,
// which overrides are valid), and looks the resolution up by these. Only the first such call ranks and resolves.
// Immutable as seen from outside; what is reused between calls (memo, scratch lists) never changes an answer.
import type { ManagedCallers, ManagedCredential } from "../auth/service-credential.ts";
import type { Plan, Policy } from "./policy.ts";
import { resolveRanked } from "./resolve.ts";
import { ResolutionMemo } from "./resolve-memo.ts";
import { appendMatchKey, type Numbering, type Ruleset, rankedPolicies } from "./resolve-ruleset.ts";
import type { PolicyVersion, Resolution, Snapshot, SnapshotSource, TenantView } from "./snapshot.ts";
import type { TenantTable } from "./tenant-table.ts";
import type { Pages } from "./tenant-table-pages.ts";
import { IntegerList } from "./trie-integers.ts";
import { PathWords, Words } from "./trie-words.ts";

/** What a snapshot shares with those made from it by changes: numbers that are only added to, and the memo keyed by them. */
export class Lineage implements Numbering {
  readonly words = new Words();
  readonly methods = new Words();
  readonly memo = new ResolutionMemo();
  readonly path = new PathWords();
  readonly key = new IntegerList();
  #rulesets = 0;

  nextRuleset(): number {
    this.#rulesets += 1;
    return this.#rulesets;
  }
}

/** The rows and rulesets of one version. */
export type SnapshotParts = Readonly<{
  version: PolicyVersion;
  lineage: Lineage;
  tenants: TenantTable;
  plans: ReadonlyMap<string, Plan>;
  /** By id. */
  policies: ReadonlyMap<string, Policy>;
  ofTenants: Pages<Ruleset>;
  /** By name of every plan that exists or is the target of a policy. */
  ofPlans: ReadonlyMap<string, Ruleset>;
  ofEveryone: Ruleset;
  /** By id. */
  credentials: ReadonlyMap<string, ManagedCredential>;
  callers: ManagedCallers;
}>;

export class CompiledSnapshot implements Snapshot {
  readonly parts: SnapshotParts;
  readonly version: PolicyVersion;
  readonly tenantCount: number;
  readonly policyCount: number;
  readonly callers: ManagedCallers;

  constructor(parts: SnapshotParts) {
    this.parts = parts;
    this.version = parts.version;
    this.tenantCount = parts.tenants.count;
    this.policyCount = parts.policies.size;
    this.callers = parts.callers;
  }

  tenant(id: string, nowMs: number): TenantView | null {
    return this.parts.tenants.view(id, nowMs);
  }

  resolve(tenant: TenantView, httpMethod: string, segments: readonly string[], nowMs: number): Resolution {
    const { lineage, ofTenants, ofPlans, ofEveryone } = this.parts;
    const { key, path, memo } = lineage;
    const ofTenant = ofTenants.get(tenant.index);
    const ofPlan = ofPlans.get(tenant.plan);
    path.read(segments, lineage.words);
    key.clear();
    key.push(lineage.methods.numberOf(httpMethod));
    if (ofTenant !== undefined) appendMatchKey(ofTenant, path, nowMs, key);
    if (ofPlan !== undefined) appendMatchKey(ofPlan, path, nowMs, key);
    appendMatchKey(ofEveryone, path, nowMs, key);
    const known = memo.find(key);
    if (known !== null) return known;
    const ranked = [ofTenant, ofPlan, ofEveryone].flatMap((ruleset) =>
      ruleset === undefined ? [] : rankedPolicies(ruleset, path, httpMethod, nowMs),
    );
    const resolution = resolveRanked(ranked, ofPlan?.plan ?? null);
    memo.keep(key, resolution);
    return resolution;
  }
}

/** The rows a snapshot was compiled from, disabled policies included: for the snapshot file. */
export function snapshotRows(snapshot: CompiledSnapshot): SnapshotSource {
  const { version, tenants, plans, policies, credentials } = snapshot.parts;
  return {
    version,
    tenants: tenants.rows(),
    plans: plans.values(),
    policies: policies.values(),
    credentials: credentials.values(),
  };
}
