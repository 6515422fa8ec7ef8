// Builds snapshots: from all rows at start, from the changed rows afterwards. The old snapshot stays as it was.
//
// A change costs what changed: pages of the tenant table, and the rulesets of the targets whose policies or plan changed
// (a change for everyone compiles everyone's policies anew, in slices). A whole compile is a change of an empty snapshot.
// No slice runs longer than about 1 ms; `pause` lets others run in between. Rows are trusted: parsed at the edge,
// patterns canonical. A failure or an abandoned change leaves nothing behind but a few unused numbers.
// Not here: deciding whether a version may replace another (policies.sync.ts).
import { MAX_PATTERN_SEGMENTS } from "./pattern.ts";
import type { Plan, Policy, Tenant } from "./policy.ts";
import { emptyRuleset } from "./resolve-ruleset.ts";
import type { PolicyVersion, SnapshotSource } from "./snapshot.ts";
import { CompiledSnapshot, Lineage, type SnapshotParts, snapshotRows } from "./snapshot-compiled.ts";
import { type Pause, Slices } from "./snapshot-slices.ts";
import { TouchedTargets } from "./snapshot-targets.ts";
import { TenantTable } from "./tenant-table.ts";
import { Pages } from "./tenant-table-pages.ts";

/** Rows that are new or different, and the ids (of plans: names) of those that are gone. */
export type Changed<Row> = Readonly<{ changed: Iterable<Row>; removed: Iterable<string> }>;

/** What differs from the snapshot before; an absent part did not change. */
export type SnapshotChange = Readonly<{
  version: PolicyVersion;
  tenants?: Changed<Tenant>;
  plans?: Changed<Plan>;
  policies?: Changed<Policy>;
}>;

export function compileSnapshot(source: SnapshotSource, pause: Pause): Promise<CompiledSnapshot> {
  const all = <Row>(rows: Iterable<Row>): Changed<Row> => ({ changed: rows, removed: [] });
  const { version, tenants, plans, policies } = source;
  const change = { version, tenants: all(tenants), plans: all(plans), policies: all(policies) };
  return changed(emptyParts(version), change, pause);
}

export async function applyChange(
  snapshot: CompiledSnapshot,
  change: SnapshotChange,
  pause: Pause,
): Promise<CompiledSnapshot> {
  const base = hasMostlyDeadNumbers(snapshot.parts) ? await compileSnapshot(snapshotRows(snapshot), pause) : snapshot;
  return changed(base.parts, change, pause);
}

async function changed(parts: SnapshotParts, change: SnapshotChange, pause: Pause): Promise<CompiledSnapshot> {
  const slices = new Slices(pause);
  const tenants = await changedTenants(parts.tenants, change.tenants, slices);
  const targets = new TouchedTargets(parts, tenants.ids);
  const plans = await changedRows(
    parts.plans,
    change.plans,
    (plan) => plan.name,
    slices,
    (before, after) => {
      for (const plan of [before, after]) if (plan !== undefined) targets.touchPlan(plan.name);
    },
  );
  const policies = await changedRows(
    parts.policies,
    change.policies,
    (policy) => policy.id,
    slices,
    (before, after) => {
      if (before !== undefined) targets.touch(before.target);
      if (after !== undefined) targets.touch(after.target).push(after);
    },
  );
  const rulesets = await targets.compile(policies, plans, slices);
  return new CompiledSnapshot({ ...parts, ...rulesets, version: change.version, tenants, plans, policies });
}

async function changedTenants(
  before: TenantTable,
  change: Changed<Tenant> | undefined,
  slices: Slices,
): Promise<TenantTable> {
  if (change === undefined) return before;
  const draft = before.edit();
  for (const id of change.removed) {
    draft.remove(id);
    if (slices.spent(1)) await slices.rest();
  }
  for (const tenant of change.changed) {
    draft.set(tenant);
    if (slices.spent(1)) await slices.rest();
  }
  return draft.finish();
}

/** The rows by key after the change; `note` hears of each row that differs. */
async function changedRows<Row>(
  before: ReadonlyMap<string, Row>,
  change: Changed<Row> | undefined,
  keyOf: (row: Row) => string,
  slices: Slices,
  note: (before: Row | undefined, after: Row | undefined) => void,
): Promise<ReadonlyMap<string, Row>> {
  if (change === undefined) return before;
  const rows = new Map<string, Row>();
  for (const [key, row] of before) {
    rows.set(key, row);
    if (slices.spent(0.25)) await slices.rest();
  }
  for (const key of change.removed) {
    if (rows.has(key)) note(rows.get(key), undefined);
    rows.delete(key);
    if (slices.spent(1)) await slices.rest();
  }
  for (const row of change.changed) {
    const known = rows.get(keyOf(row));
    if (known === row) continue;
    note(known, row);
    rows.set(keyOf(row), row);
    if (slices.spent(1)) await slices.rest();
  }
  return rows;
}

function emptyParts(version: PolicyVersion): SnapshotParts {
  const lineage = new Lineage();
  return {
    version,
    lineage,
    tenants: new TenantTable(),
    plans: new Map(),
    policies: new Map(),
    ofTenants: new Pages(),
    ofPlans: new Map(),
    ofEveryone: emptyRuleset(lineage),
  };
}

/** Numbers of ids and words are only added to; after long churn all is compiled anew, and so numbered anew. */
function hasMostlyDeadNumbers({ lineage, tenants, policies }: SnapshotParts): boolean {
  const { words, methods } = lineage;
  const isTooMany = (numbers: number, live: number): boolean => numbers > 2 * live + SPARE_NUMBERS;
  return (
    isTooMany(tenants.ids.size, tenants.count + policies.size) ||
    isTooMany(words.size, policies.size * MAX_PATTERN_SEGMENTS) ||
    isTooMany(methods.size, policies.size)
  );
}

/** Dead numbers that are not worth a compile. */
const SPARE_NUMBERS = 4_096;
