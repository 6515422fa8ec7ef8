// Errors on the wire: RFC 9457 problem documents with a closed list of codes, each mapped once to a status.
import Type from "typebox";

/** Every code the platform ever answers; a code never changes its meaning. */
export const PROBLEMS = {
  INVALID_JSON: { status: 400, title: "The body is not valid JSON" },
  INVALID_REQUEST: { status: 400, title: "The request does not follow the contract" },
  MALFORMED_HTTP: { status: 400, title: "The request is not valid HTTP" },
  UNAUTHENTICATED: { status: 401, title: "The caller did not prove who it is" },
  TENANT_NOT_PERMITTED: { status: 403, title: "The credential may not ask for this tenant" },
  NOT_FOUND: { status: 404, title: "There is no such resource" },
  METHOD_NOT_ALLOWED: { status: 405, title: "The resource does not answer this method" },
  REQUEST_TIMEOUT: { status: 408, title: "The request did not arrive in time" },
  BODY_TOO_LARGE: { status: 413, title: "The body is larger than allowed" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: "The body must be application/json" },
  HEADERS_TOO_LARGE: { status: 431, title: "The header fields are larger than allowed" },
  NOT_READY: { status: 503, title: "The service is not ready" },
  INTERNAL: { status: 500, title: "The service failed" },
} as const satisfies Record<string, { status: number; title: string }>;
export type ProblemCode = keyof typeof PROBLEMS;

export const FieldProblem = Type.Object({
  pointer: Type.String({ description: "JSON Pointer (RFC 6901) into the body" }),
  detail: Type.String(),
});
export type FieldProblem = Type.Static<typeof FieldProblem>;

export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  detail: Type.String(),
  errors: Type.Array(FieldProblem),
  traceId: Type.String(),
});
export type Problem = Type.Static<typeof Problem>;

/** The document of `code`. `detail` is public: private causes go to the log. `type` is a name, not an address. */
export function problem(code: ProblemCode, detail: string, errors: FieldProblem[], traceId: string): Problem {
  const { status, title } = PROBLEMS[code];
  return { type: `urn:sluice:problem:${code}`, title, status, code, detail, errors, traceId };
}
