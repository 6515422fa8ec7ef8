// What the OpenAPI document says once for all routes: who may ask, the header fields of requests and answers.

export const INFO = {
  title: "Sluice",
  summary: "Multi-tenant API rate limits and quotas: the check, and its administration.",
  description: [
    "Every refusal is a problem document (RFC 9457). Its `code` is one of a closed list and never translated; its words " +
      "follow Accept-Language (`en`, `ko`).",
    "Rows carry an `etag`: a change of an existing row names it in If-Match, so that two operators never overwrite each " +
      "other. A POST may carry an Idempotency-Key, kept for 24 hours: sent again, it is answered and not done again.",
    "Lists come in pages: send `nextCursor` back as `cursor`, until it is null. Times are RFC 3339 in UTC.",
  ].join("\n\n"),
  license: { name: "Apache-2.0", identifier: "Apache-2.0" },
};

export const SECURITY_SCHEMES = {
  accessToken: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "accessToken of POST /admin/auth/login; 15 minutes",
  },
  serviceCredential: {
    type: "apiKey",
    in: "header",
    name: "X-Service-Auth",
    description: "A service credential of whoever asks for checks",
  },
  clientCertificate: { type: "mutualTLS", description: "A client certificate of the configured CA" },
};

export const PARAMETERS = {
  IfMatch: {
    name: "If-Match",
    in: "header",
    required: true,
    description: "The ETag of the row as it was read. `*` and lists are refused",
    schema: { type: "string", pattern: '^"[\\x21\\x23-\\x7e]{1,128}"$' },
    example: '"5f0c6c1e-8f0b-4c1e-9d55-0d7d0a4e4f10"',
  },
  IdempotencyKey: {
    name: "Idempotency-Key",
    in: "header",
    required: false,
    description: "Chosen by the caller, new for every new request; belongs to the user and the route for 24 hours",
    schema: { type: "string", pattern: "^[\\x21-\\x7e]{1,255}$" },
  },
  AcceptLanguage: {
    name: "Accept-Language",
    in: "header",
    required: false,
    description: "Language of titles and details of refusals: `en` (the default) or `ko`, such as `ko, en;q=0.8`",
    schema: { type: "string" },
  },
};

const text = { type: "string" };
export const HEADERS = {
  ETag: { description: "What If-Match of a change must name", schema: text },
  Location: { description: "Path of the created row", schema: text },
  RequestId: { description: "The traceId of the log and of the audit row", schema: text },
  ContentLanguage: { description: "Language of title and detail", schema: { type: "string", enum: ["en", "ko"] } },
  RateLimit: { description: "Of the tightest limit: what remains (r), and seconds until it changes (t)", schema: text },
  RateLimitPolicy: { description: "The tightest limit (q) and its window in seconds (w)", schema: text },
  RetryAfter: { description: "Seconds after which to try again", schema: { type: "integer", minimum: 1 } },
};
