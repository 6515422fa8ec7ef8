// Credentials that operators manage through the Admin API, as an instance knows them: digests, and until when each holds.
//
// They travel with the policies: compiled into the snapshot, in force everywhere within a second, and kept in its file for
// a start without PostgreSQL. When one ends (expiry, the overlap of a rotation) is decided by the clock, with nothing to
// be told to anyone. Pure.
// Not here: their rows (service-credentials.pg.ts), or the credentials of the configuration (credentials.ts).
import type { Caller } from "./credentials.ts";

export type ManagedCredential = Readonly<{
  id: string;
  /** Null = may ask for every tenant. */
  tenants: readonly string[] | null;
  /** UTC ms; null = never. */
  expiresAtMs: number | null;
  /** The current secret's, SHA-256 in hexadecimal. */
  sha256: string;
  /** The secret before the last rotation, accepted until then. */
  previous: Readonly<{ sha256: string; untilMs: number }> | null;
}>;

/** `untilMs` is the first instant at which the secret is refused; Infinity = never. */
export type ManagedCaller = Caller & Readonly<{ credentialId: string; untilMs: number }>;
/** By the SHA-256 of the secret, in hexadecimal. */
export type ManagedCallers = ReadonlyMap<string, ManagedCaller>;

export const NO_MANAGED_CALLERS: ManagedCallers = new Map();

/** One entry for each secret of the credential. */
export function callersOf(credential: ManagedCredential): (readonly [sha256: string, caller: ManagedCaller])[] {
  const { id: credentialId, sha256, previous } = credential;
  const tenants = credential.tenants === null ? null : new Set(credential.tenants);
  const endMs = credential.expiresAtMs ?? Number.POSITIVE_INFINITY;
  const current = [sha256, { credentialId, tenants, untilMs: endMs }] as const;
  if (previous === null) return [current];
  return [current, [previous.sha256, { credentialId, tenants, untilMs: Math.min(previous.untilMs, endMs) }]];
}

/** Whom the digest of a presented secret belongs to at this instant. */
export function callerAt(callers: ManagedCallers, sha256: string, nowMs: number): ManagedCaller | null {
  const caller = callers.get(sha256);
  return caller !== undefined && nowMs < caller.untilMs ? caller : null;
}

/** Whether any secret at all is accepted at this instant. */
export function holdsAny(callers: ManagedCallers, nowMs: number): boolean {
  return callers.values().some(({ untilMs }) => nowMs < untilMs);
}
