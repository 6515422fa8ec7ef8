// Stores managed credentials. Changes are part of a change of policies (policies/policy-changes.pg.ts), which publishes
// them to every instance with its last statement.
//
// Promise: a secret is never stored, and leaves here once, with the change that made it. A rotation keeps the secret before
// it for the overlap, and no older one. A revoked row stays, without digests, so it cannot be brought back; nor can one
// that has expired be given more time.
// Not here: how instances learn of it (policies/policy-read.pg.ts), or who may change what (service-credentials.admin.ts).
import { randomUUID } from "node:crypto";
import { type Kysely, type Selectable, sql, type UpdateObject } from "kysely";
import { Refusal } from "../platform/refusal.ts";
import type { PolicyTransaction } from "../policies/policy-changes.pg.ts";
import { digestOfSecret, lastFour, newServiceSecret, type ServiceSecret } from "./service-credential-secret.ts";
import type { ServiceCredentialTable, ServiceCredentialTables } from "./service-credential-tables.ts";

export type StoredCredential = Readonly<{
  id: string;
  name: string;
  /** Null = every tenant. */
  tenants: readonly string[] | null;
  /** Of the current secret, for recognising it. */
  lastFour: string;
  /** The secret before the last rotation, accepted until then. */
  previous: Readonly<{ lastFour: string; untilMs: number }> | null;
  expiresAtMs: number | null;
  rotatedAtMs: number | null;
  revokedAtMs: number | null;
  /** To about a minute; null = never. */
  lastUsedAtMs: number | null;
  etag: string;
  createdAtMs: number;
  updatedAtMs: number;
}>;

/** A credential whose row this transaction holds. */
export type LockedCredential = StoredCredential & { readonly brand: "LockedCredential" };
export type NewCredential = Pick<StoredCredential, "name" | "tenants" | "expiresAtMs">;
/** What is absent stays as it is. */
export type CredentialChanges = Partial<NewCredential>;
/** `secret` is to be shown, once, and forgotten. */
export type WithSecret = Readonly<{ credential: StoredCredential; secret: ServiceSecret }>;

/** Every instance holds them all in memory. */
const MOST_CREDENTIALS = 1_000;
/** Any constant: instances agree on it. */
const CREATING_LOCK = 7_308_332_211;

export async function createCredential(change: PolicyTransaction, wanted: NewCredential): Promise<WithSecret> {
  await requireRoom(change);
  const id = randomUUID();
  const secret = newServiceSecret(id);
  const { name, tenants, expiresAtMs } = wanted;
  const row = await change.sql
    .insertInto("service_credentials")
    .values({
      id,
      name,
      tenants: tenantColumn(tenants),
      ...secretColumns(secret),
      expires_at: dateOf(expiresAtMs),
    })
    .onConflict((conflict) => conflict.column("name").where("revoked_at", "is", null).doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) {
    throw new Refusal("TAKEN", `There is a credential ${name} already: rotate or revoke it, or choose another name.`);
  }
  change.touch("CREDENTIAL", id);
  return { credential: credentialOf({ ...row, last_used_at: null }), secret };
}

/** Its secrets stay. */
export async function updateCredential(
  change: PolicyTransaction,
  credential: LockedCredential,
  { changes, nowMs }: Readonly<{ changes: CredentialChanges; nowMs: number }>,
): Promise<StoredCredential> {
  refuseEnded(credential, nowMs);
  const { name = credential.name, tenants = credential.tenants, expiresAtMs = credential.expiresAtMs } = changes;
  return await write(change, credential, { name, tenants: tenantColumn(tenants), expires_at: dateOf(expiresAtMs) });
}

/** The secret until now is accepted for `overlapMs` more; one from before it is refused from now on. */
export async function rotateCredential(
  change: PolicyTransaction,
  credential: LockedCredential,
  { overlapMs, nowMs }: Readonly<{ overlapMs: number; nowMs: number }>,
): Promise<WithSecret> {
  refuseEnded(credential, nowMs);
  const secret = newServiceSecret(credential.id);
  const previous =
    overlapMs === 0
      ? NO_PREVIOUS
      : {
          previous_sha256: sql.ref<Buffer | null>("sha256"),
          previous_last_four: sql.ref<string>("last_four"),
          previous_until: new Date(nowMs + overlapMs),
        };
  const columns = { ...secretColumns(secret), ...previous, rotated_at: new Date(nowMs) };
  return { credential: await write(change, credential, columns), secret };
}

/** Neither its secret nor the one before is accepted any more. */
export async function revokeCredential(
  change: PolicyTransaction,
  credential: LockedCredential,
  nowMs: number,
): Promise<StoredCredential> {
  if (credential.revokedAtMs !== null) throw new Refusal("CONFLICT", `${credential.name} is revoked already.`);
  return await write(change, credential, { sha256: null, ...NO_PREVIOUS, revoked_at: new Date(nowMs) });
}

export async function getCredential(reader: Kysely<ServiceCredentialTables>, id: string): Promise<StoredCredential> {
  const row = await rowsOf(reader).where("id", "=", id).executeTakeFirst();
  return row === undefined ? notFound(id) : credentialOf(row);
}

export async function lockCredential(change: PolicyTransaction, id: string): Promise<LockedCredential> {
  const rows = rowsOf(change.sql.$pickTables<keyof ServiceCredentialTables>()).where("id", "=", id);
  const row = await rows.forUpdate("service_credentials").executeTakeFirst();
  return row === undefined ? notFound(id) : (credentialOf(row) as LockedCredential);
}

export type CredentialWish = Readonly<{
  after: Readonly<{ name: string; id: string }> | null;
  limit: number;
  withRevoked: boolean;
}>;

/** In the order of names. */
export async function listCredentials(
  reader: Kysely<ServiceCredentialTables>,
  { after, limit, withRevoked }: CredentialWish,
): Promise<StoredCredential[]> {
  let query = rowsOf(reader);
  if (after !== null) query = query.where(sql<boolean>`(name, id::text) > (${after.name}, ${after.id})`);
  if (!withRevoked) query = query.where("revoked_at", "is", null);
  const rows = await query.orderBy("name").orderBy("id").limit(limit).execute();
  return rows.map(credentialOf);
}

/** With when they were last used. */
function rowsOf(reader: Kysely<ServiceCredentialTables>) {
  return reader
    .selectFrom("service_credentials")
    .leftJoin("service_credential_uses", "credential_id", "id")
    .selectAll("service_credentials")
    .select("last_used_at");
}

const NO_PREVIOUS = { previous_sha256: null, previous_last_four: null, previous_until: null };

async function requireRoom({ sql: transaction }: PolicyTransaction): Promise<void> {
  await sql`select pg_advisory_xact_lock(${CREATING_LOCK}::bigint)`.execute(transaction);
  const { live } = await transaction
    .selectFrom("service_credentials")
    .select((row) => row.fn.countAll<number>().as("live"))
    .where("revoked_at", "is", null)
    .executeTakeFirstOrThrow();
  if (live < MOST_CREDENTIALS) return;
  throw new Refusal("CONFLICT", `There are ${live} service credentials, as many as there may be: revoke some first.`);
}

function refuseEnded({ name, revokedAtMs, expiresAtMs }: StoredCredential, nowMs: number): void {
  const ended = revokedAtMs !== null ? "is revoked" : (expiresAtMs ?? nowMs + 1) <= nowMs ? "has expired" : null;
  if (ended !== null) throw new Refusal("CONFLICT", `${name} ${ended}: create another credential.`);
}

function secretColumns(secret: ServiceSecret) {
  return { sha256: Buffer.from(digestOfSecret(secret), "hex"), last_four: lastFour(secret) };
}

function tenantColumn(tenants: readonly string[] | null): string[] | null {
  return tenants === null ? null : [...new Set(tenants)].sort();
}

function dateOf(atMs: number | null): Date | null {
  return atMs === null ? null : new Date(atMs);
}

async function write(
  change: PolicyTransaction,
  { id, lastUsedAtMs }: LockedCredential,
  columns: UpdateObject<ServiceCredentialTables, "service_credentials">,
): Promise<StoredCredential> {
  const row = await change.sql
    .updateTable("service_credentials")
    .set(columns)
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
  change.touch("CREDENTIAL", id);
  return credentialOf({ ...row, last_used_at: dateOf(lastUsedAtMs) });
}

type CredentialRow = Selectable<ServiceCredentialTable> & Readonly<{ last_used_at: Date | null }>;

function credentialOf(row: CredentialRow): StoredCredential {
  const { previous_last_four: previousLastFour, previous_until: until } = row;
  return {
    ...{ id: row.id, name: row.name, tenants: row.tenants, lastFour: row.last_four },
    previous:
      previousLastFour !== null && until !== null ? { lastFour: previousLastFour, untilMs: until.getTime() } : null,
    expiresAtMs: row.expires_at?.getTime() ?? null,
    rotatedAtMs: row.rotated_at?.getTime() ?? null,
    revokedAtMs: row.revoked_at?.getTime() ?? null,
    lastUsedAtMs: row.last_used_at?.getTime() ?? null,
    ...{ etag: row.etag, createdAtMs: row.created_at.getTime(), updatedAtMs: row.updated_at.getTime() },
  };
}

function notFound(id: string): never {
  throw new Refusal("NOT_FOUND", `There is no service credential ${id}.`);
}
