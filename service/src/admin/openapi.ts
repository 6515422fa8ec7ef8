// The OpenAPI 3.1 document, made from the routes that are served: a route cannot be missing from it. Pure.
// Schemas are JSON Schema 2020-12, which is what OpenAPI 3.1 uses, so they are taken over as they are; what the contract
// gives a name is said once. Not here: names of operations (operation-id.ts), examples (openapi-examples.ts).
import * as contract from "@sluice/contract";
import type Type from "typebox";
import { ACCESS } from "./access.ts";
import type { DescribedRoute } from "./described-route.ts";
import { EXAMPLES } from "./openapi-examples.ts";
import { HEADERS, INFO, PARAMETERS, SECURITY_SCHEMES } from "./openapi-parts.ts";
import { PROBLEM_CONTENT, type SharedProblems, shareProblems } from "./openapi-problems.ts";
import { type SharedSchemas, shareSchemas } from "./openapi-schemas.ts";
import { operationIdOf } from "./operation-id.ts";

type Operation = Readonly<{ operationId: string }> & Readonly<Record<string, unknown>>;
export type OpenApi = Readonly<{ paths: Record<string, Record<string, Operation>> }> &
  Readonly<Record<string, unknown>>;

const DECISION_HEADERS = [
  ["RateLimit", "RateLimit"],
  ["RateLimit-Policy", "RateLimitPolicy"],
  ["Retry-After", "RetryAfter"],
] as const;

type Shared = Readonly<{ schemas: SharedSchemas; problems: SharedProblems }>;

/** What any route may answer. */
const ALWAYS: readonly contract.ProblemCode[] = ["INVALID_REQUEST", "INTERNAL"];
const OF_USERS: readonly contract.ProblemCode[] = ["UNAUTHENTICATED", "FORBIDDEN", "UNAVAILABLE"];

export function openApiOf(routes: readonly DescribedRoute[], version: string): OpenApi {
  const shared = { schemas: shareSchemas(namedSchemas()), problems: shareProblems() };
  shared.schemas.refer(contract.Problem);
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route, shared) };
  }
  return {
    openapi: "3.1.0",
    info: { ...INFO, version },
    servers: [{ url: "/" }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: shared.schemas.components(),
      parameters: PARAMETERS,
      headers: HEADERS,
      responses: shared.problems.components(),
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

/** Objects that the contract exports: an answer's or a body's own name. */
function namedSchemas(): Record<string, unknown> {
  const isObjectSchema = (value: unknown) => (value as { type?: unknown } | null)?.type === "object";
  return Object.fromEntries(Object.entries(contract).filter(([, value]) => isObjectSchema(value)));
}

function operationOf(route: DescribedRoute, shared: Shared): Operation {
  const { tag, summary, shape, access } = route;
  const operationId = operationIdOf(route);
  const example = EXAMPLES[operationId]?.body;
  const body = shape.body && {
    schema: shared.schemas.refer(shape.body),
    ...(example !== undefined && { example }),
  };
  return {
    operationId,
    tags: [tag],
    summary,
    ...(access.kind === "user" && { description: describeAccess(access.action) }),
    security: securityOf(access.kind),
    parameters: [
      ...parametersOf("path", shape.params, shared),
      ...parametersOf("query", shape.query, shared),
      ...headersOf(route),
    ],
    ...(body !== undefined && { requestBody: { required: true, content: { "application/json": body } } }),
    responses: responsesOf(route, operationId, shared),
  };
}

function describeAccess(action: keyof typeof ACCESS): string {
  const { roles, tenants } = ACCESS[action];
  const bound = {
    all: "Not for users bound to tenants.",
    own: "Users bound to tenants: their own tenants only.",
    shared: "Also for users bound to tenants.",
  };
  return `Action \`${action}\`. Roles: ${roles.join(", ")}. ${bound[tenants]}`;
}

/** Of several either will do. */
function securityOf(kind: DescribedRoute["access"]["kind"]): readonly Readonly<Record<string, readonly string[]>>[] {
  switch (kind) {
    case "open":
      return [];
    case "user":
      return [{ accessToken: [] }];
    case "service":
      return [{ serviceCredential: [] }, { clientCertificate: [] }];
  }
}

function parametersOf(place: "path" | "query", schema: Type.TSchema | undefined, { schemas }: Shared): unknown[] {
  if (schema === undefined) return [];
  const { properties, required = [] } = schema as unknown as Readonly<{
    properties: Record<string, Readonly<{ description?: string }>>;
    required?: readonly string[];
  }>;
  return Object.entries(properties).map(([name, { description, ...field }]) => ({
    ...{ name, in: place, required: place === "path" || required.includes(name) },
    ...(description !== undefined && { description }),
    schema: schemas.refer(field),
  }));
}

function headersOf({ needsEtag, takesIdempotencyKey }: DescribedRoute): unknown[] {
  const names: readonly (keyof typeof PARAMETERS)[] = [
    ...(needsEtag ? (["IfMatch"] as const) : []),
    ...(takesIdempotencyKey ? (["IdempotencyKey"] as const) : []),
    "AcceptLanguage",
  ];
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

function responsesOf(route: DescribedRoute, operationId: string, { schemas, problems }: Shared) {
  const { status, answer, streams, access } = route;
  const schema = answer && schemas.refer(answer);
  const example = EXAMPLES[operationId]?.answer;
  const content = {
    ...(schema !== undefined && { "application/json": { schema, ...(example !== undefined && { example }) } }),
    ...Object.fromEntries(streams.map((type) => [type, { schema: { type: "string" } }])),
  };
  const headers = answerHeaders(route);
  const codes = [...ALWAYS, ...(access.kind === "user" ? OF_USERS : []), ...route.problems];
  const done = {
    description: answer === undefined ? "Done; there is nothing to say" : "Done",
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(Object.keys(content).length > 0 && { content }),
  };
  // The status of a refusing decision may be one of a problem too: the media type tells which it is.
  const refused = {
    ...done,
    description: "With enforce=1: the call is refused, or the request is",
    content: { "application/json": { schema }, ...PROBLEM_CONTENT },
  };
  const refusals = Object.fromEntries((route.refusals ?? []).map((refusal) => [refusal, refused]));
  return { [status]: done, ...problems.refer(codes), ...refusals };
}

/** A row's answer carries its ETag; what was created says where it is. */
function answerHeaders({ answer, status, access, refusals }: DescribedRoute): Record<string, unknown> {
  const fields = answer !== undefined && "properties" in answer ? Object.keys(answer.properties as object) : [];
  const names: readonly (readonly [string, keyof typeof HEADERS])[] = [
    ...(access.kind === "service" ? [] : [["X-Request-Id", "RequestId"] as const]),
    ...(refusals === undefined ? [] : DECISION_HEADERS),
    ...(fields.includes("etag") ? [["ETag", "ETag"] as const] : []),
    ...(status === 201 ? [["Location", "Location"] as const] : []),
  ];
  return Object.fromEntries(names.map(([name, header]) => [name, { $ref: `#/components/headers/${header}` }]));
}
