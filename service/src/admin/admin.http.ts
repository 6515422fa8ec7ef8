// The door of the Admin API: serves routes that are data (route.ts) with Fastify.
//
// In order: trace id, path and method, body, schemas, access token, role, tenants, then the handler; its answer is
// checked against its schema. Every refusal is a problem document in the caller's language.
// Promises: a route is answered only to whom the table of access allows; an answer about tenants that the handler did not
// ask a permit for is not sent to a bound user. Not here: what the routes do (*.admin.ts of each domain).
import { Readable } from "node:stream";
import { problem } from "@sluice/contract";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Kysely } from "kysely";
import type { Actor } from "../auth/actor.ts";
import { languageOf } from "../platform/language.ts";
import { Refusal } from "../platform/refusal.ts";
import type { TraceIds } from "../platform/trace.ts";
import { concernsTenants, refusedBecause } from "./access.ts";
import type { AdminTables } from "./admin-tables.ts";
import { type ChangeAnswer, runChange } from "./change.pg.ts";
import { addDocs } from "./docs.http.ts";
import { faultOf } from "./faults.ts";
import { answerWriter, type PartName, partReader, type ReadPart } from "./parts.ts";
import { Permit } from "./permit.ts";
import { bearerToken, etagOf, idempotentOf, originOf, requestKeyOf } from "./request.http.ts";
import type { Asked, AskedByUser, ChangeRoute, Found, Route, Shape, Streamed } from "./route.admin.ts";

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_PARAMETER_LENGTH = 512;

export type AdminDoorParts = Readonly<{
  routes: readonly Route[];
  database: Kysely<AdminTables>;
  /** Who holds this access token now; refuses with UNAUTHENTICATED. */
  authenticate: (accessToken: string) => Promise<Actor>;
  /** CIDRs of proxies whose X-Forwarded-For is believed; null = none. */
  trustedProxies: readonly string[] | null;
  /** Keys the digests that are kept of requests: the same on every instance. */
  requestSecret: string;
  traceIds: TraceIds;
  nowMs: () => number;
  onFailure: (cause: unknown, traceId: string) => void;
}>;

export async function createAdminDoor(parts: AdminDoorParts): Promise<FastifyInstance> {
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    trustProxy: parts.trustedProxies === null ? false : [...parts.trustedProxies],
    genReqId: (request) => parts.traceIds(request.headers.traceparent),
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    forceCloseConnections: false,
  });
  // Schemas are applied after the caller proved who it is (serve), not by the framework before. Only JSON is read.
  app.removeContentTypeParser("text/plain");
  app.addHook("onRequest", async (request, reply) => {
    reply.header("Cache-Control", "no-store").header("X-Content-Type-Options", "nosniff");
    reply.header("X-Request-Id", request.id);
  });
  app.setErrorHandler((thrown, request, reply) => sendFault(parts, request, reply, thrown));
  app.setNotFoundHandler((request, reply) => {
    const allowed = allowedMethods(parts.routes, request);
    if (allowed.length === 0)
      return sendFault(parts, request, reply, new Refusal("NOT_FOUND", "There is nothing here."));
    reply.header("Allow", allowed.join(", "));
    return sendFault(parts, request, reply, new Refusal("METHOD_NOT_ALLOWED", `Use ${allowed.join(" or ")}.`));
  });
  for (const route of parts.routes) addRoute(app, parts, route);
  addDocs(app);
  await app.ready();
  return app;
}

function addRoute(app: FastifyInstance, parts: AdminDoorParts, route: Route): void {
  const readers = {
    params: partReader("params", route.shape.params),
    query: partReader("query", route.shape.query),
    body: partReader("body", route.shape.body),
  };
  const write = answerWriter(route.answer);
  app.route({
    method: route.method,
    url: route.path.replaceAll(/\{(\w+)\}/g, ":$1"),
    handler: (request, reply) => serve(parts, route, readers, write, request, reply),
  });
}

async function serve(
  parts: AdminDoorParts,
  route: Route,
  readers: Readonly<Record<PartName, ReadPart>>,
  write: (body: unknown) => string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const origin = originOf(request, parts.nowMs());
  if (route.kind === "open") {
    return sendFound(reply, write, await route.open({ ...askedOf(readers, request), origin }));
  }
  const actor = await parts.authenticate(bearerToken(request));
  const refused = refusedBecause(route.action, actor);
  if (refused !== null) throw new Refusal("FORBIDDEN", refused);
  const permit = new Permit(actor.tenants);
  const requestKey = requestKeyOf(actor.userId, route, request);
  const asked = { ...askedOf(readers, request), origin, actor, permit, requestKey };
  if (route.kind === "change") return await serveChange(parts, route, asked, write, request, reply);
  const found = await route.find(asked);
  requireAsked(route, permit);
  return "stream" in found ? sendStream(reply, found) : sendFound(reply, write, found);
}

async function serveChange(
  parts: AdminDoorParts,
  route: ChangeRoute,
  asked: AskedByUser<Shape>,
  write: (body: unknown) => string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const ifMatch = etagOf(route, request);
  const checked: ChangeRoute = {
    ...route,
    change: async (...given) => {
      const changed = await route.change(...given);
      // Before the transaction commits: what must not be answered must not be done either.
      requireAsked(route, asked.permit);
      if (changed.body !== undefined) write(changed.body);
      return changed;
    },
  };
  const idempotent = idempotentOf(route, asked, request, parts.requestSecret);
  return sendChange(reply, await runChange(parts.database, checked, { asked, ifMatch, idempotent }));
}

/** Deny by default: see permit.ts. */
function requireAsked(route: Exclude<Route, { kind: "open" }>, permit: Permit): void {
  if (permit.asked || !concernsTenants(route.action)) return;
  throw new Error(`${route.method} ${route.path} asked no permit for what it touched`);
}

function askedOf(readers: Readonly<Record<PartName, ReadPart>>, request: FastifyRequest): Omit<Asked<Shape>, "origin"> {
  const params = readers.params(request.params);
  const query = readers.query(request.query);
  const body = readers.body(request.body);
  const errors = [...params.faults, ...query.faults, ...body.faults];
  if (errors.length > 0) {
    throw new Refusal("INVALID_REQUEST", "The request does not follow the contract: see errors.", { errors });
  }
  return { params: params.value, query: query.value, body: body.value } as Omit<Asked<Shape>, "origin">;
}

function sendFound(reply: FastifyReply, write: (body: unknown) => string, { body, etag }: Found): FastifyReply {
  if (etag !== undefined) reply.header("ETag", `"${etag}"`);
  return reply.type("application/json").send(write(body));
}

function sendStream(reply: FastifyReply, { stream, contentType, fileName }: Streamed): FastifyReply {
  reply.header("Content-Disposition", `attachment; filename="${fileName}"`);
  return reply.type(contentType).send(Readable.from(stream));
}

function sendChange(reply: FastifyReply, { status, body, etag, location }: ChangeAnswer): FastifyReply {
  if (etag !== null) reply.header("ETag", `"${etag}"`);
  if (location !== null) reply.header("Location", location);
  reply.code(status);
  return body === null ? reply.send() : reply.type("application/json").send(body);
}

function sendFault(parts: AdminDoorParts, request: FastifyRequest, reply: FastifyReply, thrown: unknown): FastifyReply {
  const fault = faultOf(thrown);
  if (fault.isOurs) parts.onFailure(thrown, request.id);
  const language = languageOf(request.headers["accept-language"]);
  const document = problem(fault.code, fault.detail, fault.errors, request.id, language);
  if (fault.retryAfterMs !== null) reply.header("Retry-After", Math.max(1, Math.ceil(fault.retryAfterMs / 1_000)));
  if (fault.code === "UNAUTHENTICATED") reply.header("WWW-Authenticate", "Bearer");
  reply.header("Content-Language", language).header("Vary", "Accept-Language").code(document.status);
  return reply.type("application/problem+json").send(JSON.stringify(document));
}

/** Set where the path is known by other methods. */
function allowedMethods(routes: readonly Route[], request: FastifyRequest): string[] {
  const path = request.url.split("?", 1)[0] ?? "";
  const matches = (route: Route) => new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path);
  return routes.filter(matches).map(({ method }) => method);
}
