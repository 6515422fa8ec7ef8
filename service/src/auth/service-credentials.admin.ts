// The Admin routes of service credentials. A secret is in the answer that made it, and in no other; neither it nor its
// digest enters the audit trail or the answer kept for an Idempotency-Key.
import {
  CredentialCreate,
  CredentialItem,
  CredentialList,
  CredentialListQuery,
  CredentialParams,
  CredentialRotate,
  CredentialUpdate,
  CredentialWithSecret,
  DEFAULT_OVERLAP_MS,
} from "@sluice/contract";
import type { Kysely } from "kysely";
import { DEFAULT_PAGE, pageOf, readCursor } from "../admin/cursor.ts";
import { type AuditedChange, changeRoute, type Route, readRoute } from "../admin/route.admin.ts";
import { readInstant } from "../platform/instant.ts";
import { Refusal } from "../platform/refusal.ts";
import { requireTenants } from "../policies/references.pg.ts";
import type { ServiceCredentialTables } from "./service-credential-tables.ts";
import {
  createCredential,
  getCredential,
  listCredentials,
  lockCredential,
  revokeCredential,
  rotateCredential,
  type StoredCredential,
  updateCredential,
} from "./service-credentials.pg.ts";

const tag = "service credentials";
const path = "/admin/service-credentials";

export function serviceCredentialRoutes(reader: Kysely<ServiceCredentialTables>): Route[] {
  return [
    readRoute({
      ...{ method: "GET", path, tag, action: "credential.read", summary: "List service credentials by name" },
      shape: { query: CredentialListQuery },
      answer: CredentialList,
      find: async ({ query: { limit = DEFAULT_PAGE, cursor, revoked = false }, origin }) => {
        const key = readCursor(cursor, ["text", "uuid"]);
        const after = key === null ? null : { name: String(key[0]), id: String(key[1]) };
        const found = await listCredentials(reader, { after, limit: limit + 1, withRevoked: revoked });
        const body = pageOf(
          found,
          limit,
          (credential) => itemOf(credential, origin.nowMs),
          ({ name, id }) => [name, id],
        );
        return { body };
      },
    }),
    readRoute({
      ...{ method: "GET", path: `${path}/{id}`, tag, action: "credential.read", summary: "Read a service credential" },
      shape: { params: CredentialParams },
      answer: CredentialItem,
      find: async ({ params, origin }) => {
        const body = itemOf(await getCredential(reader, params.id), origin.nowMs);
        return { body, etag: body.etag };
      },
    }),
    changeRoute({
      ...{ method: "POST", path, tag, action: "credential.create", summary: "Create a service credential" },
      shape: { body: CredentialCreate },
      answer: CredentialWithSecret,
      status: 201,
      answersSecret: true,
      change: async ({ body: { name, tenants = null, expiresAt = null }, origin }, { policies }) => {
        const expiresAtMs = readExpiryOrNever(expiresAt, origin.nowMs);
        await requireTenants(policies, tenants ?? []);
        const { credential, secret } = await createCredential(policies, { name, tenants, expiresAtMs });
        const after = itemOf(credential, origin.nowMs);
        return {
          status: 201,
          body: { ...after, secret },
          etag: after.etag,
          location: `${path}/${after.id}`,
          audits: auditOf(null, after),
        };
      },
    }),
    changeRoute({
      ...{ method: "PATCH", path: `${path}/{id}`, tag, action: "credential.update" },
      summary: "Change name, tenants or expiry, everywhere within a second; the secrets stay",
      shape: { params: CredentialParams, body: CredentialUpdate },
      answer: CredentialItem,
      needsEtag: true,
      change: async ({ params, body: { expiresAt, ...changes }, origin: { nowMs } }, { policies, matchEtag }) => {
        const expiry = expiresAt === undefined ? {} : { expiresAtMs: readExpiryOrNever(expiresAt, nowMs) };
        const locked = await lockCredential(policies, params.id);
        matchEtag(locked.etag);
        await requireTenants(policies, changes.tenants ?? []);
        const changed = await updateCredential(policies, locked, { changes: { ...changes, ...expiry }, nowMs });
        const after = itemOf(changed, nowMs);
        return { body: after, etag: after.etag, audits: auditOf(itemOf(locked, nowMs), after) };
      },
    }),
    changeRoute({
      ...{ method: "POST", path: `${path}/{id}/rotate`, tag, action: "credential.rotate" },
      summary: "Make a new secret; the one until now is accepted for the overlap",
      shape: { params: CredentialParams, body: CredentialRotate },
      answer: CredentialWithSecret,
      needsEtag: true,
      answersSecret: true,
      change: async ({ params, body: { overlapMs = DEFAULT_OVERLAP_MS }, origin }, { policies, matchEtag }) => {
        const { nowMs } = origin;
        const locked = await lockCredential(policies, params.id);
        matchEtag(locked.etag);
        const { credential, secret } = await rotateCredential(policies, locked, { overlapMs, nowMs });
        const after = itemOf(credential, nowMs);
        return { body: { ...after, secret }, etag: after.etag, audits: auditOf(itemOf(locked, nowMs), after) };
      },
    }),
    changeRoute({
      ...{ method: "DELETE", path: `${path}/{id}`, tag, action: "credential.revoke" },
      summary: "Revoke a service credential, everywhere within a second; its row stays",
      shape: { params: CredentialParams },
      status: 204,
      needsEtag: true,
      change: async ({ params, origin: { nowMs } }, { policies, matchEtag }) => {
        const locked = await lockCredential(policies, params.id);
        matchEtag(locked.etag);
        const after = await revokeCredential(policies, locked, nowMs);
        return { status: 204, audits: auditOf(itemOf(locked, nowMs), itemOf(after, nowMs)) };
      },
    }),
  ];
}

function readExpiryOrNever(text: string | null, nowMs: number): number | null {
  if (text === null) return null;
  const atMs = readInstant(text, "/expiresAt");
  if (atMs > nowMs) return atMs;
  const errors = [{ pointer: "/expiresAt", detail: "must lie ahead; leave it out for never" }];
  throw new Refusal("OUT_OF_RANGE", "A credential that has expired already is of no use.", { errors });
}

/** Of no tenant, though bound to some: who may call is a matter of the whole. */
function auditOf(before: CredentialItem | null, after: CredentialItem): AuditedChange[] {
  return [{ resource: { kind: "service_credential", id: after.id }, tenant: null, before, after }];
}

function itemOf(credential: StoredCredential, nowMs: number): CredentialItem {
  const { id, name, tenants, lastFour, previous, expiresAtMs, rotatedAtMs, revokedAtMs, lastUsedAtMs, etag } =
    credential;
  const isPreviousAccepted = previous !== null && previous.untilMs > nowMs;
  return {
    ...{ id, name, tenants: tenants === null ? null : [...tenants], status: statusOf(credential, nowMs), lastFour },
    previous: isPreviousAccepted
      ? { lastFour: previous.lastFour, acceptedUntil: new Date(previous.untilMs).toISOString() }
      : null,
    ...{ expiresAt: instantOf(expiresAtMs), rotatedAt: instantOf(rotatedAtMs), revokedAt: instantOf(revokedAtMs) },
    ...{ lastUsedAt: instantOf(lastUsedAtMs), etag },
    createdAt: new Date(credential.createdAtMs).toISOString(),
    updatedAt: new Date(credential.updatedAtMs).toISOString(),
  };
}

function statusOf({ revokedAtMs, expiresAtMs }: StoredCredential, nowMs: number): CredentialItem["status"] {
  if (revokedAtMs !== null) return "REVOKED";
  return expiresAtMs !== null && expiresAtMs <= nowMs ? "EXPIRED" : "ACTIVE";
}

function instantOf(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString();
}
