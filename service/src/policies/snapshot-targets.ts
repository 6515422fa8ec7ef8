// Which targets a change touches, and their rulesets compiled anew; the rulesets of all others are kept as they are.
import type { Plan, Policy, Target } from "./policy.ts";
import { compileRuleset, type Ruleset } from "./resolve-ruleset.ts";
import type { SnapshotParts } from "./snapshot-compiled.ts";
import type { Slices } from "./snapshot-slices.ts";
import type { TenantIds } from "./tenant-table-ids.ts";

type Rulesets = Pick<SnapshotParts, "ofTenants" | "ofPlans" | "ofEveryone">;

export class TouchedTargets {
  readonly #before: SnapshotParts;
  readonly #tenantIds: TenantIds;
  /** The policies that are new, by touched target. */
  readonly #ofTenants = new Map<number, Policy[]>();
  readonly #ofPlans = new Map<string, Policy[]>();
  readonly #ofEveryone: Policy[] = [];
  #touchesEveryone = false;

  constructor(before: SnapshotParts, tenantIds: TenantIds) {
    this.#before = before;
    this.#tenantIds = tenantIds;
  }

  /** The list of the target's new policies, to push to. */
  touch(target: Target): Policy[] {
    if (target.kind === "TENANT") return listIn(this.#ofTenants, this.#tenantIds.add(target.tenant));
    if (target.kind === "PLAN") return listIn(this.#ofPlans, target.plan);
    this.#touchesEveryone = true;
    return this.#ofEveryone;
  }

  touchPlan(name: string): void {
    listIn(this.#ofPlans, name);
  }

  /** `policies` and `plans` after the change: a row that is not among them any more (by identity) is left out. */
  async compile(
    policies: ReadonlyMap<string, Policy>,
    plans: ReadonlyMap<string, Plan>,
    slices: Slices,
  ): Promise<Rulesets> {
    const { lineage, ofEveryone } = this.#before;
    const compiled = async (old: Ruleset | undefined, added: Policy[], plan: Plan | null): Promise<Ruleset> => {
      const live = await livePolicies([...(old?.policies ?? []), ...added], policies, slices);
      return compileRuleset(live, plan, lineage, slices);
    };
    const ofTenants = this.#before.ofTenants.edit();
    for (const [row, added] of this.#ofTenants) {
      const ruleset = await compiled(ofTenants.get(row), added, null);
      ofTenants.set(row, ruleset.policies.length > 0 ? ruleset : undefined);
    }
    const ofPlans = new Map(this.#before.ofPlans);
    for (const [name, added] of this.#ofPlans) {
      ofPlans.set(name, await compiled(ofPlans.get(name), added, plans.get(name) ?? null));
      if (!plans.has(name) && ofPlans.get(name)?.policies.length === 0) ofPlans.delete(name);
    }
    return {
      ofTenants: ofTenants.finish(),
      ofPlans,
      ofEveryone: this.#touchesEveryone ? await compiled(ofEveryone, this.#ofEveryone, null) : ofEveryone,
    };
  }
}

function listIn<Key>(lists: Map<Key, Policy[]>, key: Key): Policy[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

async function livePolicies(
  candidates: readonly Policy[],
  policies: ReadonlyMap<string, Policy>,
  slices: Slices,
): Promise<Policy[]> {
  const live: Policy[] = [];
  for (const policy of candidates) {
    if (policies.get(policy.id) === policy) live.push(policy);
    if (slices.spent(0.25)) await slices.rest();
  }
  return live;
}
