// What happened (an entry), and how it stands in the chain (a record): who did what to which resource, from where, and
// what it changed.
//
// The canonical JSON of a record is what is hashed, so the names and order of nothing here may change within a format:
// a new member means a new format, and verification knows every format ever written.
import { createHash } from "node:crypto";
import type { Role } from "../auth/actor.ts";
import { auditable, auditableText } from "./auditable.ts";
import { canonicalJson, type Json } from "./canonical-json.ts";

const RECORD_FORMAT = 1;

export type AuditActor =
  | Readonly<{ kind: "USER"; id: string; login: string; role: Role }>
  /** A part of the service itself, or the command line on the database. */
  | Readonly<{ kind: "SYSTEM"; id: string }>
  /** `login` is what was tried. */
  | Readonly<{ kind: "ANONYMOUS"; login: string | null }>;

export type AuditOutcome = "DONE" | "REFUSED";

export type AuditEntry = Readonly<{
  actor: AuditActor;
  /** Resource and verb: `tenant.update`, `auth.login_failed`. */
  action: string;
  resource: Readonly<{ kind: string; id: string | null }>;
  /** Whose matter it is, for readers bound to tenants; null = the whole installation's. */
  tenant: string | null;
  origin: Readonly<{ address: string | null; userAgent: string | null; requestId: string | null }>;
  outcome: AuditOutcome;
  /** Anything JSON.stringify takes; secrets are masked (auditable.ts). Null = there was, or is, nothing. */
  before: unknown;
  after: unknown;
}>;

export type AuditRecord = Readonly<{
  format: number;
  /** Position in the chain, from 1, without gaps. */
  seq: number;
  /** RFC 3339 in UTC with milliseconds; never decreases along the chain. */
  at: string;
  actor: Readonly<{ kind: AuditActor["kind"]; id: string | null; login: string | null; role: Role | null }>;
  action: string;
  resource: AuditEntry["resource"];
  tenant: string | null;
  address: string | null;
  userAgent: string | null;
  requestId: string | null;
  outcome: AuditOutcome;
  before: Json;
  after: Json;
  /** Hexadecimal; of the record before, or of the chain's name for the first. */
  previousHash: string;
}>;

/** A record as it is read: with the hash that is stored beside it. */
export type StoredAuditRecord = AuditRecord & Readonly<{ hash: string }>;

export type ChainPosition = Readonly<{ seq: number; previousHash: string; atMs: number }>;

const MOST_CHARACTERS = { id: 256, login: 256, address: 64, userAgent: 512, requestId: 128 } as const;

export function recordOf(entry: AuditEntry, position: ChainPosition): AuditRecord {
  const { actor, action, resource, tenant, origin, outcome } = entry;
  const clip = (text: string | null, bound: keyof typeof MOST_CHARACTERS) =>
    text === null ? null : auditableText(text, MOST_CHARACTERS[bound]);
  return {
    format: RECORD_FORMAT,
    seq: position.seq,
    at: new Date(position.atMs).toISOString(),
    actor: {
      kind: actor.kind,
      id: actor.kind === "ANONYMOUS" ? null : actor.id,
      login: actor.kind === "SYSTEM" ? null : clip(actor.login, "login"),
      role: actor.kind === "USER" ? actor.role : null,
    },
    action,
    resource: { kind: resource.kind, id: clip(resource.id, "id") },
    tenant: clip(tenant, "id"),
    address: clip(origin.address, "address"),
    userAgent: clip(origin.userAgent, "userAgent"),
    requestId: clip(origin.requestId, "requestId"),
    outcome,
    before: auditable(entry.before),
    after: auditable(entry.after),
    previousHash: position.previousHash,
  };
}

/** SHA-256 of the canonical JSON, hexadecimal. Null for what was never written so: a number beyond all doubles. */
export function hashOf(record: AuditRecord): string | null {
  try {
    return sha256(canonicalJson(record));
  } catch {
    return null;
  }
}

/** What the first record of a chain continues. */
export function genesisHash(chain: string): string {
  return sha256(`sluice audit chain ${chain}`);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
