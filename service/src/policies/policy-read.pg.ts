// Reads the policies as of one instant: nothing when the version is known, the touched rows when the change log reaches
// back far enough within one history, else everything.
//
// Promise: version and rows come from one REPEATABLE READ transaction, so they belong together. Rows arrive in small
// fetches, so that decoding them never holds the thread for long. On a fault the connection is given up, not reused.
import type { PoolClient, QueryResultRow } from "pg";
import type { ManagedCredential } from "../auth/service-credential.ts";
import { MANAGED_COLUMNS, type ManagedRow, managedCredentialOf } from "../auth/service-credential-tables.ts";
import type { RebuildablePool } from "../platform/pool.ts";
import { bounded } from "../platform/postgres.ts";
import type { Plan, Policy, Tenant } from "./policy.ts";
import { isSameHistory, type PolicyHead, READ_TIMEOUT_MS, readHead } from "./policy-head.pg.ts";
import {
  PLAN_COLUMNS,
  type PlanRow,
  POLICY_COLUMNS,
  type PolicyRow,
  planOf,
  policyOf,
  TENANT_COLUMNS,
  type TenantRow,
  tenantOf,
} from "./policy-rows.ts";
import type { RowKind } from "./policy-tables.ts";
import type { PolicyVersion, SnapshotSource } from "./snapshot.ts";
import type { SnapshotChange } from "./snapshot-compile.ts";

export type PolicyRead =
  | Readonly<{ kind: "same"; version: PolicyVersion }>
  | Readonly<{ kind: "changed"; version: PolicyVersion; change: SnapshotChange }>
  | Readonly<{ kind: "all"; version: PolicyVersion; source: SnapshotSource }>;

/** Rows of one fetch: decoded in well under a millisecond. */
const ROWS_PER_FETCH = 100;

/** `known` is the version in memory, or null. */
export async function readPolicies(pool: RebuildablePool, known: PolicyVersion | null): Promise<PolicyRead> {
  const client = await pool.connect();
  try {
    await client.query(bounded(READ_TIMEOUT_MS, "begin isolation level repeatable read read only"));
    const read = await readInTransaction(client, known);
    await client.query(bounded(READ_TIMEOUT_MS, "commit"));
    client.release();
    return read;
  } catch (fault) {
    client.release(true);
    throw fault;
  }
}

async function readInTransaction(client: PoolClient, known: PolicyVersion | null): Promise<PolicyRead> {
  const head = await readHead(client);
  const { version } = head;
  if (known !== null && isSameHistory(known, version)) {
    if (known.version === version.version) return { kind: "same", version };
    if (reachesBackTo(head, known)) return { kind: "changed", version, change: await readChange(client, head, known) };
  }
  return { kind: "all", version, source: await readAll(client, version) };
}

/** A version that went back within its history (a restored disk image) is not a change either: everything is read. */
function reachesBackTo({ version, changesSince }: PolicyHead, known: PolicyVersion): boolean {
  return known.version >= changesSince && known.version < version.version;
}

async function readAll(client: PoolClient, version: PolicyVersion): Promise<SnapshotSource> {
  // What is over can never apply again; a day of grace covers clocks that differ.
  const current = "valid_until is null or valid_until > now() - interval '1 day'";
  const unexpired = "expires_at is null or expires_at > now() - interval '1 day'";
  const tenants = `select ${TENANT_COLUMNS} from tenants where deleted_at is null`;
  return {
    version,
    tenants: await fetchAll<TenantRow, Tenant>(client, tenants, [], tenantOf),
    plans: await fetchAll<PlanRow, Plan>(client, `select ${PLAN_COLUMNS} from plans`, [], planOf),
    policies: await fetchAll<PolicyRow, Policy>(
      client,
      `select ${POLICY_COLUMNS} from api_policies where ${current}`,
      [],
      policyOf,
    ),
    credentials: await fetchAll<ManagedRow, ManagedCredential>(
      client,
      `select ${MANAGED_COLUMNS} from service_credentials where revoked_at is null and (${unexpired})`,
      [],
      managedCredentialOf,
    ),
  };
}

async function readChange(client: PoolClient, head: PolicyHead, known: PolicyVersion): Promise<SnapshotChange> {
  type Touched = Readonly<{ kind: RowKind; key: string }>;
  const log = "select distinct kind, key from policy_changes where version > $1";
  const touched = await fetchAll<Touched, Touched>(client, log, [known.version], (row) => row);
  const keysOf = (kind: RowKind) => touched.filter((row) => row.kind === kind).map(({ key }) => key);
  const [plans, tenants, policies] = [keysOf("PLAN"), keysOf("TENANT"), keysOf("POLICY")];
  const credentials = keysOf("CREDENTIAL");
  const byKey = {
    tenants: `select ${TENANT_COLUMNS} from tenants where deleted_at is null and id = any($1::text[])`,
    plans: `select ${PLAN_COLUMNS} from plans where name = any($1::text[])`,
    policies: `select ${POLICY_COLUMNS} from api_policies where id = any($1::uuid[])`,
    credentials: `select ${MANAGED_COLUMNS} from service_credentials where revoked_at is null and id = any($1::uuid[])`,
  };
  return {
    version: head.version,
    tenants: withRemoved(
      tenants,
      await fetchAll<TenantRow, Tenant>(client, byKey.tenants, [tenants], tenantOf),
      (tenant) => tenant.id,
    ),
    plans: withRemoved(plans, await fetchAll<PlanRow, Plan>(client, byKey.plans, [plans], planOf), (plan) => plan.name),
    policies: withRemoved(
      policies,
      await fetchAll<PolicyRow, Policy>(client, byKey.policies, [policies], policyOf),
      (policy) => policy.id,
    ),
    credentials: withRemoved(
      credentials,
      await fetchAll<ManagedRow, ManagedCredential>(client, byKey.credentials, [credentials], managedCredentialOf),
      (credential) => credential.id,
    ),
  };
}

/** What was touched and is not there any more has been removed. */
function withRemoved<Row>(keys: readonly string[], changed: readonly Row[], keyOf: (row: Row) => string) {
  const found = new Set(changed.map(keyOf));
  return { changed, removed: keys.filter((key) => !found.has(key)) };
}

async function fetchAll<Row extends QueryResultRow, T>(
  client: PoolClient,
  select: string,
  values: unknown[],
  read: (row: Row) => T,
): Promise<T[]> {
  await client.query(bounded(READ_TIMEOUT_MS, `declare policy_rows no scroll cursor for ${select}`, values));
  const found: T[] = [];
  for (;;) {
    const { rows } = await client.query<Row>(bounded(READ_TIMEOUT_MS, `fetch ${ROWS_PER_FETCH} from policy_rows`));
    for (const row of rows) found.push(read(row));
    if (rows.length < ROWS_PER_FETCH) break;
  }
  await client.query(bounded(READ_TIMEOUT_MS, "close policy_rows"));
  return found;
}
