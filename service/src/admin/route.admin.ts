// What a route of the Admin API is: data, from which the door, the OpenAPI document and the tests are made.
//
// A `read` looks things up. A `change` runs in one transaction with its audit row, behind If-Match where it changes a
// row, and may carry an Idempotency-Key where it is a POST. An `open` one needs no access token: only signing in.
// Not here: serving them (admin.http.ts, change.pg.ts).
import type { ProblemCode } from "@sluice/contract";
import type Type from "typebox";
import type { Actor } from "../auth/actor.ts";
import { type Action, concernsTenants } from "./access.ts";
import type { Change } from "./change.pg.ts";
import type { DescribedRoute } from "./described-route.ts";
import type { Permit } from "./permit.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Where the request came from, as the audit trail keeps it. */
export type Origin = Readonly<{
  address: string;
  userAgent: string | null;
  /** The trace id: the same in the answer, the log and the audit row. */
  requestId: string;
  nowMs: number;
}>;

/** Schemas of the parts of a request; an absent one means that part must be empty. */
export type Shape = Readonly<{
  params?: Type.TSchema;
  query?: Type.TSchema;
  body?: Type.TSchema;
}>;

type Part<S, K extends keyof Shape> =
  S extends Readonly<Record<K, infer Schema extends Type.TSchema>> ? Type.Static<Schema> : Record<string, never>;

export type Asked<S extends Shape> = Readonly<{
  params: Part<S, "params">;
  query: Part<S, "query">;
  body: Part<S, "body">;
  origin: Origin;
}>;

export type AskedByUser<S extends Shape> = Asked<S> &
  Readonly<{
    actor: Actor;
    permit: Permit;
    /** The same for the same Idempotency-Key of the same actor and route; without a key, of this request alone. */
    requestKey: string;
  }>;

/** `etag` becomes the ETag header; `body` must follow the route's schema of answers. */
export type Found = Readonly<{ body: unknown; etag?: string }>;

/** Text that is made while it is sent, such as CSV. */
export type Streamed = Readonly<{ stream: AsyncIterable<string>; contentType: string; fileName: string }>;

export type AuditedChange = Readonly<{
  /** `id` null where it would tell what is not to be kept. */
  resource: Readonly<{ kind: string; id: string | null }>;
  /** Whose operators may read the row; null = those bound to no tenant. */
  tenant: string | null;
  before: unknown;
  after: unknown;
}>;

export type Changed = Readonly<{
  /** 200 where absent; 201 with `location`; 204 without a body. */
  status?: 200 | 201 | 204;
  body?: unknown;
  etag?: string;
  location?: string;
  /** Everything was done to see whether it can be, and is undone now: no audit row, no new version. */
  isTrial?: boolean;
  /** One row each; a change that changed nothing has none. */
  audits: readonly AuditedChange[];
}>;

export type RouteWords = Readonly<{
  method: Method;
  /** With parameters as `{name}`, as in OpenAPI. */
  path: string;
  tag: string;
  summary: string;
  /** Its name in the document, where method and path give a poor one (operation-id.ts). */
  operation?: string;
  /** Schema of a good answer's body; absent = there is none. */
  answer?: Type.TSchema;
  /** Of a good answer. */
  status?: 200 | 201 | 204;
  /** What it refuses beyond what its kind does (describeRoute). */
  problems?: readonly ProblemCode[];
}>;

/** Anyone may ask, as to sign in; what it writes it commits itself, also where it then refuses. */
export type OpenRoute = RouteWords &
  Readonly<{ kind: "open"; shape: Shape; open: (asked: Asked<Shape>) => Promise<Found> }>;

export type ReadRoute = RouteWords &
  Readonly<{
    kind: "read";
    action: Action;
    shape: Shape;
    /** Media types of the answers that are text made while it is sent. */
    streams?: readonly string[];
    find: (asked: AskedByUser<Shape>) => Promise<Found | Streamed>;
  }>;

export type ChangeRoute = RouteWords &
  Readonly<{
    kind: "change";
    action: Action;
    shape: Shape;
    /** It changes a row that exists: the request must name the row's ETag, and `change` compare it. */
    needsEtag?: true;
    /** The answer holds a secret that is shown once: it is not kept for a repeated Idempotency-Key. */
    answersSecret?: true;
    /** What takes long and needs no transaction, such as hashing a password; `change` is given its result. */
    prepare?: (asked: AskedByUser<Shape>) => Promise<unknown>;
    change: (asked: AskedByUser<Shape>, change: Change, prepared: unknown) => Promise<Changed>;
  }>;

export type Route = OpenRoute | ReadRoute | ChangeRoute;

/** These give a handler the types of its own schemas; what is stored is a route like any other. */
export function openRoute<const S extends Shape>(
  route: RouteWords & Readonly<{ shape: S; open: (asked: Asked<S>) => Promise<Found> }>,
): OpenRoute {
  return { ...route, kind: "open" } as unknown as OpenRoute;
}

export function readRoute<const S extends Shape>(
  route: RouteWords &
    Readonly<{
      action: Action;
      shape: S;
      streams?: readonly string[];
      find: (asked: AskedByUser<S>) => Promise<Found | Streamed>;
    }>,
): ReadRoute {
  return { ...route, kind: "read" } as unknown as ReadRoute;
}

export function changeRoute<const S extends Shape, Prepared = undefined>(
  route: RouteWords &
    Readonly<{
      action: Action;
      shape: S;
      needsEtag?: true;
      answersSecret?: true;
      prepare?: (asked: AskedByUser<S>) => Promise<Prepared>;
      change: (asked: AskedByUser<S>, change: Change, prepared: Prepared) => Promise<Changed>;
    }>,
): ChangeRoute {
  return { ...route, kind: "change" } as unknown as ChangeRoute;
}

/** The same as a document tells of it. */
export function describeRoute(route: Route): DescribedRoute {
  const { method, path, tag, summary, operation, shape, answer, status = 200 } = route;
  const isChange = route.kind === "change";
  const touchesTenants = route.kind !== "open" && concernsTenants(route.action);
  const needsEtag = isChange && route.needsEtag === true;
  const takesIdempotencyKey = isChange && method === "POST";
  return {
    ...{ method, path, tag, summary, operation, shape, answer, status, needsEtag, takesIdempotencyKey },
    access: route.kind === "open" ? { kind: "open" } : { kind: "user", action: route.action },
    streams: route.kind === "read" ? (route.streams ?? []) : [],
    problems: [
      ...(shape.params !== undefined || touchesTenants ? (["NOT_FOUND"] as const) : []),
      ...(isChange ? (["CONFLICT", "TAKEN", "IN_USE", "RESERVED", "UNKNOWN_REFERENCE", "OUT_OF_RANGE"] as const) : []),
      ...(needsEtag ? (["ETAG_REQUIRED", "STALE"] as const) : []),
      ...(takesIdempotencyKey ? (["IDEMPOTENCY_KEY_IN_PROGRESS", "IDEMPOTENCY_KEY_REUSED"] as const) : []),
      ...(shape.body === undefined ? [] : (["INVALID_JSON", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE"] as const)),
      ...(route.kind === "open" ? (["UNAUTHENTICATED", "TOO_MANY_ATTEMPTS", "UNAVAILABLE"] as const) : []),
      ...(route.problems ?? []),
    ],
  };
}
