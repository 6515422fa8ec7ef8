// The worlds of the resolution tests: policies in a few words, snapshots from them, and resolutions as lines to read.
import { FIELD_OF_WINDOW, type Limits, WINDOWS } from "@sluice/contract";
import type { WindowLimit } from "../counters/claim.ts";
import { normalisePath } from "./path.ts";
import type { Plan, Policy, Target, Tenant } from "./policy.ts";
import type { PolicyVersion, Resolution, SnapshotSource } from "./snapshot.ts";
import { compileSnapshot } from "./snapshot-compile.ts";
import type { CompiledSnapshot } from "./snapshot-compiled.ts";

export const NOW_MS = Date.UTC(2026, 10, 22, 10);
export const VERSION: PolicyVersion = { systemId: "test", timeline: 1, version: 1 };

export const EVERYONE: Target = { kind: "EVERYONE" };
export const FREE: Target = { kind: "PLAN", plan: "FREE" };
export const ACME: Target = { kind: "TENANT", tenant: "acme" };

/** A policy for everyone, ANY `/**`, scope TENANT_API, enforced, unless said otherwise. `api` is `METHOD pattern`. */
export function policy(id: string, written: Partial<Policy> & Readonly<{ api?: string }>): Policy {
  const { api = "ANY /**", ...given } = written;
  const [httpMethod = "", apiPattern = ""] = api.split(" ");
  return {
    id,
    name: id,
    target: EVERYONE,
    httpMethod,
    apiPattern,
    scope: "TENANT_API",
    limits: {},
    enforcement: "ENFORCE",
    enabled: true,
    fallback: null,
    validity: null,
    ...given,
  };
}

export function tenant(id: string, given: Partial<Tenant> = {}): Tenant {
  return { id, plan: "FREE", status: "ACTIVE", timeZone: "UTC", nextPlan: null, ...given };
}

/** Tenant acme on plan FREE, and plan PRO beside it, unless said otherwise. */
export function snapshotOf(
  policies: readonly Policy[],
  given: Partial<SnapshotSource> = {},
): Promise<CompiledSnapshot> {
  const plans: Plan[] = [
    { name: "FREE", limits: {} },
    { name: "PRO", limits: {} },
  ];
  const source = { version: VERSION, tenants: [tenant("acme")], plans, policies, credentials: [] };
  return compileSnapshot({ ...source, ...given }, noPause);
}

export function noPause(): Promise<void> {
  return Promise.resolve();
}

export type Call = Readonly<{ tenant?: string; api?: string; nowMs?: number }>;

/** What `call` (acme's `GET /v1/a/b` unless said otherwise) must obey. */
export function resolutionOf(snapshot: CompiledSnapshot, call: Call = {}): Resolution {
  const { tenant: id = "acme", api = "GET /v1/a/b", nowMs = NOW_MS } = call;
  const view = snapshot.tenant(id, nowMs);
  if (view === null) throw new Error(`no tenant ${id} in this snapshot`);
  const [httpMethod = "", raw = ""] = api.split(" ");
  return snapshot.resolve(view, httpMethod, segmentsOf(raw), nowMs);
}

export function segmentsOf(raw: string): readonly string[] {
  const path = normalisePath(raw);
  if (path.kind === "malformed") throw new Error(path.detail);
  return path.segments;
}

/** One line per claim, `SCOPE [api]: window=capacity by policy ... | shadow ...`; then what blocks; then the fallback. */
export function lines(resolution: Resolution): string[] {
  const claims = resolution.claims.map(({ scope, api, enforced, shadow }) => {
    const counter = api === null ? scope : `${scope} [${api}]`;
    const parts = [limitsText(enforced), shadow.length === 0 ? "" : `| shadow ${limitsText(shadow)}`];
    return `${counter}: ${parts.filter((part) => part !== "").join(" ")}`;
  });
  const { blocked, fallback } = resolution;
  if (blocked !== null) claims.push(`BLOCKED ${blocked.windows.join(", ")} by ${blocked.source.policyId}`);
  if (fallback !== null) claims.push(`fallback ${fallback}`);
  return claims;
}

/** All five fields set, each to its own value above `base`. */
export function allFields(base: number): Limits {
  return Object.fromEntries(WINDOWS.map((window, index) => [FIELD_OF_WINDOW[window], base + index]));
}

function limitsText(limits: readonly WindowLimit[]): string {
  return limits.map(({ window, capacity, source }) => `${window}=${capacity} by ${source.policyId}`).join(", ");
}
