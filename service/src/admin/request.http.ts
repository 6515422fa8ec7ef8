// What the header of an Admin request says: the token, the ETag it read, its Idempotency-Key, where it came from.
// Each is refused here when it cannot be what it says it is.
import { createHash, createHmac, randomUUID } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { Refusal } from "../platform/refusal.ts";
import type { IdempotentRequest } from "./idempotency.pg.ts";
import type { AskedByUser, ChangeRoute, Origin, Route, Shape } from "./route.admin.ts";

const MAX_USER_AGENT_LENGTH = 256;
const BEARER = /^Bearer +([A-Za-z0-9._~+/=-]{1,4096})$/i;
/** A strong entity tag (RFC 9110, 8.8.3). */
const ETAG = /^"([\x21\x23-\x7e]{1,128})"$/;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

export function bearerToken(request: FastifyRequest): string {
  const token = BEARER.exec(request.headers.authorization ?? "")?.[1];
  if (token !== undefined) return token;
  throw new Refusal("UNAUTHENTICATED", "Send Authorization: Bearer <accessToken> of POST /admin/auth/login.");
}

/** The ETag of If-Match, where the route asks for one; any other route ignores it. */
export function etagOf(route: ChangeRoute, request: FastifyRequest): string | null {
  if (route.needsEtag !== true) return null;
  const given = request.headers["if-match"];
  if (given === undefined) {
    throw new Refusal(
      "ETAG_REQUIRED",
      "Send If-Match with the ETag of the row as you read it: it keeps others' changes.",
    );
  }
  const etag = ETAG.exec(given)?.[1];
  if (etag !== undefined) return etag;
  throw new Refusal(
    "INVALID_REQUEST",
    'If-Match must be one strong entity tag such as "0b7e…"; * and lists are not taken.',
  );
}

/**
 * Null where the request carries no key. A key means something on POST only: other methods are idempotent by themselves.
 * The digest that is kept of the request is keyed by `secret`: a body may hold a password, which whoever reads the
 * database could else find by trying, far faster than by its password hash.
 */
export function idempotentOf(
  route: ChangeRoute,
  { actor, params, query, body }: AskedByUser<Shape>,
  request: FastifyRequest,
  secret: string,
): IdempotentRequest | null {
  const key = request.headers["idempotency-key"];
  if (key === undefined || route.method !== "POST") return null;
  if (typeof key !== "string" || !IDEMPOTENCY_KEY.test(key)) {
    throw new Refusal("INVALID_REQUEST", "Idempotency-Key must be 1 to 255 visible ASCII characters.");
  }
  const sha256 = createHmac("sha256", secret)
    .update(`request ${JSON.stringify([params, query, body])}`)
    .digest("hex");
  return { actor: actor.userId, route: `${route.method} ${route.path}`, key, sha256 };
}

/** 32 hexadecimal digits. */
export function requestKeyOf(actorId: string, route: Route, request: FastifyRequest): string {
  const key = request.headers["idempotency-key"];
  const name = typeof key === "string" ? `${actorId} ${route.method} ${route.path} ${key}` : randomUUID();
  return createHash("sha256").update(name).digest("hex").slice(0, 32);
}

export function originOf(request: FastifyRequest, nowMs: number): Origin {
  const userAgent = request.headers["user-agent"]?.slice(0, MAX_USER_AGENT_LENGTH) ?? null;
  return { address: request.ip, userAgent, requestId: request.id, nowMs };
}
