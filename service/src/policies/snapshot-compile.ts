// Builds snapshots: from all rows at start, from the changed rows afterwards. The old snapshot stays as it was.
//
// A change costs what changed: pages of the tenant table, and the rulesets of the targets whose policies or plan changed
// (a change for everyone compiles everyone's policies anew, in slices). A whole compile is a change of an empty snapshot.
// No slice runs longer than about 1 ms; `pause` lets others run in between. Rows are trusted: parsed at the edge,
// patterns canonical. A failure or an abandoned change leaves nothing behind but a few unused numbers.
// Not here: deciding whether a version may replace another (policies.sync.ts).
import {
  callersOf,
  type ManagedCaller,
  type ManagedCredential,
  NO_MANAGED_CALLERS,
} from "../auth/service-credential.ts";
import { MAX_PATTERN_SEGMENTS } from "./pattern.ts";
import type { Plan, Policy, Tenant } from "./policy.ts";
import { emptyRuleset } from "./resolve-ruleset.ts";
import type { PolicyVersion, SnapshotSource } from "./snapshot.ts";
import { CompiledSnapshot, Lineage, type SnapshotParts, snapshotRows } from "./snapshot-compiled.ts";
import { type Pause, Slices } from "./snapshot-slices.ts";
import { TouchedTargets } from "./snapshot-targets.ts";
import { TenantTable, type TenantTableDraft } from "./tenant-table.ts";
import { Pages } from "./tenant-table-pages.ts";

/** Rows that are new or different, and the ids (of plans: names) of those that are gone. */
export type Changed<Row> = Readonly<{ changed: Iterable<Row>; removed: Iterable<string> }>;

/** What differs from the snapshot before; an absent part did not change. */
export type SnapshotChange = Readonly<{
  version: PolicyVersion;
  tenants?: Changed<Tenant>;
  plans?: Changed<Plan>;
  policies?: Changed<Policy>;
  credentials?: Changed<ManagedCredential>;
}>;

export function compileSnapshot(source: SnapshotSource, pause: Pause): Promise<CompiledSnapshot> {
  const all = <Row>(rows: Iterable<Row>): Changed<Row> => ({ changed: rows, removed: [] });
  const { version, tenants, plans, policies, credentials } = source;
  const change = {
    version,
    tenants: all(tenants),
    plans: all(plans),
    policies: all(policies),
    credentials: all(credentials),
  };
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
  const callers = await changedCallers(parts, change.credentials, slices);
  return new CompiledSnapshot({ ...parts, ...rulesets, ...callers, version: change.version, tenants, plans, policies });
}

/** Few, and changed seldom: whoever is known by a secret is gathered anew. */
async function changedCallers(
  { credentials: before, callers: known }: SnapshotParts,
  change: Changed<ManagedCredential> | undefined,
  slices: Slices,
): Promise<Pick<SnapshotParts, "credentials" | "callers">> {
  const note = () => undefined;
  const credentials = await changedRows(before, change, (credential) => credential.id, slices, note);
  if (credentials === before) return { credentials, callers: known };
  const callers = new Map<string, ManagedCaller>();
  for (const credential of credentials.values()) {
    for (const [sha256, caller] of callersOf(credential)) callers.set(sha256, caller);
    if (slices.spent(2 + UNITS_PER_TENANT_NAMED * (credential.tenants?.length ?? 0))) await slices.rest();
  }
  return { credentials, callers };
}

/** The same table, its views still warm, when no tenant changed. */
async function changedTenants(
  before: TenantTable,
  change: Changed<Tenant> | undefined,
  slices: Slices,
): Promise<TenantTable> {
  let draft: TenantTableDraft | null = null;
  for (const id of change?.removed ?? []) {
    draft ??= before.edit();
    draft.remove(id);
    if (slices.spent(1)) await slices.rest();
  }
  for (const tenant of change?.changed ?? []) {
    draft ??= before.edit();
    draft.set(tenant);
    if (slices.spent(1)) await slices.rest();
  }
  return draft?.finish() ?? before;
}

/** The rows by key after the change, the same map when none differs; `note` hears of each row that does. */
async function changedRows<Row>(
  before: ReadonlyMap<string, Row>,
  change: Changed<Row> | undefined,
  keyOf: (row: Row) => string,
  slices: Slices,
  note: (before: Row | undefined, after: Row | undefined) => void,
): Promise<ReadonlyMap<string, Row>> {
  let rows: Map<string, Row> | null = null;
  for (const key of change?.removed ?? []) {
    const known = (rows ?? before).get(key);
    if (known !== undefined) {
      rows ??= await copyOf(before, slices);
      rows.delete(key);
      note(known, undefined);
    }
    if (slices.spent(1)) await slices.rest();
  }
  for (const row of change?.changed ?? []) {
    const key = keyOf(row);
    const known = (rows ?? before).get(key);
    if (known !== row) {
      rows ??= await copyOf(before, slices);
      rows.set(key, row);
      note(known, row);
    }
    if (slices.spent(1)) await slices.rest();
  }
  return rows ?? before;
}

async function copyOf<Row>(rows: ReadonlyMap<string, Row>, slices: Slices): Promise<Map<string, Row>> {
  const copy = new Map<string, Row>();
  for (const [key, row] of rows) {
    copy.set(key, row);
    if (slices.spent(0.25)) await slices.rest();
  }
  return copy;
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
    credentials: new Map(),
    callers: NO_MANAGED_CALLERS,
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

/** Of the work that a credential makes: one name put into a set. */
const UNITS_PER_TENANT_NAMED = 0.1;

/** Dead numbers that are not worth a compile. */
const SPARE_NUMBERS = 4_096;
