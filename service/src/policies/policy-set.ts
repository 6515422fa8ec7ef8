// What an operator declares: the rows of plans, tenants and policies before the database gives them ids and etags.
// Not here: reading it from a file (policy-file.ts) or from an Admin request, or storing it (*.pg.ts).
import type { Plan, Policy, TenantStatus } from "./policy.ts";
import type { PolicyVersion, SnapshotSource } from "./snapshot.ts";

export type TenantEntry = Readonly<{
  id: string;
  name: string;
  plan: string;
  status: TenantStatus;
  /** IANA name; null = the configured default for a new tenant, whatever it has for an existing one. */
  timeZone: string | null;
}>;

/** Known by its name. `reason` says why, and stands with `validity` on temporary overrides only. */
export type PolicyEntry = Omit<Policy, "id"> & Readonly<{ reason: string | null }>;

export type PolicySet = Readonly<{
  plans: readonly Plan[];
  tenants: readonly TenantEntry[];
  policies: readonly PolicyEntry[];
}>;

/** Older than, and of another history than, anything PostgreSQL may say later. */
const DECLARED_VERSION: PolicyVersion = { systemId: "declared", timeline: 0, version: 0 };

/** What a snapshot is compiled from while the database is away that the set would be brought into. */
export function sourceOfSet({ plans, tenants, policies }: PolicySet, defaultTimeZone: string): SnapshotSource {
  return {
    version: DECLARED_VERSION,
    plans,
    tenants: tenants.map(({ id, plan, status, timeZone }) => {
      return { id, plan, status, timeZone: timeZone ?? defaultTimeZone, nextPlan: null };
    }),
    policies: policies.map(({ reason: _, ...policy }) => ({ id: `declared:${policy.name}`, ...policy })),
    credentials: [],
  };
}

/** `over` wins row by row: plans and policies by name, tenants by id. */
export function joinSources(under: SnapshotSource, over: SnapshotSource): SnapshotSource {
  return {
    version: under.version,
    plans: joinBy(under.plans, over.plans, ({ name }) => name),
    tenants: joinBy(under.tenants, over.tenants, ({ id }) => id),
    policies: joinBy(under.policies, over.policies, ({ name }) => name),
    credentials: joinBy(under.credentials, over.credentials, ({ id }) => id),
  };
}

function joinBy<Row>(under: Iterable<Row>, over: Iterable<Row>, keyOf: (row: Row) => string): Row[] {
  const rows = new Map<string, Row>();
  for (const row of under) rows.set(keyOf(row), row);
  for (const row of over) rows.set(keyOf(row), row);
  return [...rows.values()];
}
