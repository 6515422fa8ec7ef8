// The tables of managed credentials as the query builder sees them: service/migrations/0006_service_credentials.sql and
// 0009_uses_and_checkpoints.sql; and what of a row an instance keeps in memory. Pure.
import type { ColumnType, Selectable } from "kysely";
import type { ManagedCredential } from "./service-credential.ts";

/** Columns that the database fills are never written. */
type Filled<T> = ColumnType<T, never, never>;

export type ServiceCredentialTable = {
  id: string;
  name: string;
  tenants: string[] | null;
  /** Null once revoked. */
  sha256: Buffer | null;
  last_four: string;
  previous_sha256: Buffer | null;
  previous_last_four: string | null;
  previous_until: Date | null;
  expires_at: Date | null;
  rotated_at: Date | null;
  revoked_at: Date | null;
  etag: Filled<string>;
  created_at: Filled<Date>;
  updated_at: Filled<Date>;
};

/** To about a minute. */
export type ServiceCredentialUseTable = { credential_id: string; last_used_at: Date };

export type ServiceCredentialTables = {
  service_credentials: ServiceCredentialTable;
  service_credential_uses: ServiceCredentialUseTable;
};

/** The columns that managedCredentialOf reads. */
export const MANAGED_COLUMNS = ["id", "tenants", "sha256", "previous_sha256", "previous_until", "expires_at"] as const;
export type ManagedRow = Pick<Selectable<ServiceCredentialTable>, (typeof MANAGED_COLUMNS)[number]>;

/** Of a credential that is not revoked. */
export function managedCredentialOf(row: ManagedRow): ManagedCredential {
  const { id, tenants, sha256, previous_sha256: previous, previous_until: until, expires_at: expiresAt } = row;
  if (sha256 === null) throw new Error(`Credential ${id} is revoked: it has no digest, and is not part of a snapshot.`);
  return {
    id,
    tenants,
    expiresAtMs: expiresAt?.getTime() ?? null,
    sha256: sha256.toString("hex"),
    previous:
      previous !== null && until !== null ? { sha256: previous.toString("hex"), untilMs: until.getTime() } : null,
  };
}
