// The operations port: /livez (this process only), /startupz, /readyz (`?verbose` per part), /metrics (OpenMetrics).
// Probes need no proof: what they say is public. /metrics and the parts of ?verbose are for whoever `mayScrape`.
// It stays open until the process ends, so that a probe sees "stopping" and not a refused connection.
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { refuse, sendJson } from "./answer.http.ts";
import type { Health } from "./health.ts";
import type { MetricsText } from "./metrics.ts";
import type { TraceIds } from "./trace.ts";

export type OpsParts = Readonly<{
  health: Health;
  /** The page of this process, or of all workers together. */
  metrics: MetricsText;
  mayScrape: (request: IncomingMessage) => boolean;
  traceIds: TraceIds;
  onFailure: (cause: unknown, traceId: string) => void;
}>;

const PATHS = ["/livez", "/startupz", "/readyz", "/metrics"];

export function createOpsDoor(parts: OpsParts): RequestListener {
  return (request, response) => {
    const [path = "", query = ""] = (request.url ?? "").split("?", 2);
    const open = path !== "/metrics" && query !== "verbose";
    if (!PATHS.includes(path)) {
      turnAway(parts, request, response, "NOT_FOUND", `Ask for ${PATHS.join(", ")}.`);
    } else if (request.method !== "GET" && request.method !== "HEAD") {
      turnAway(parts, request, response, "METHOD_NOT_ALLOWED", "Use GET.", ["Allow", "GET, HEAD"]);
    } else if (!open && !parts.mayScrape(request)) {
      const detail = "Send Authorization: Bearer <scrape credential>, or connect with a client certificate.";
      turnAway(parts, request, response, "UNAUTHENTICATED", detail, ["WWW-Authenticate", "Bearer"]);
    } else if (path === "/metrics") {
      void sendMetrics(parts, request, response);
    } else {
      sendHealth(parts.health, response, path, open);
    }
  };
}

function sendHealth(health: Health, response: ServerResponse, path: string, open: boolean): void {
  if (path === "/livez") {
    sendJson(response, 200, '{"alive":true}');
    return;
  }
  const report = health.report();
  const holds = path === "/startupz" ? report.phase !== "starting" : report.ready;
  const body = open ? { [path === "/startupz" ? "started" : "ready"]: holds } : report;
  sendJson(response, holds ? 200 : 503, JSON.stringify(body));
}

export type ScrapeProofs = Readonly<{
  /** Accepted as `Authorization: Bearer <credential>`, compared in constant time; null = none is. */
  credential: string | null;
  /** Whether the connection of a request has proved itself by certificate; null = none can. */
  holdsCertificate: ((request: IncomingMessage) => boolean) | null;
}>;

/** Either proof will do; where neither is configured everybody may scrape, which only `dev` allows. */
export function createScrapeGate({ credential, holdsCertificate }: ScrapeProofs): OpsParts["mayScrape"] {
  if (credential === null && holdsCertificate === null) return () => true;
  const expected = credential === null ? null : digestOf(`Bearer ${credential}`);
  return (request) => {
    if (holdsCertificate?.(request) === true) return true;
    return expected !== null && timingSafeEqual(digestOf(request.headers.authorization ?? ""), expected);
  };
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

async function sendMetrics(parts: OpsParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const text = await parts.metrics.text();
    response.writeHead(200, [
      "Content-Type",
      parts.metrics.contentType,
      "Content-Length",
      `${Buffer.byteLength(text)}`,
    ]);
    response.end(text);
  } catch (cause) {
    const traceId = parts.traceIds(undefined);
    parts.onFailure(cause, traceId);
    refuse(request, response, { code: "INTERNAL", detail: "The metrics could not be collected.", traceId });
  }
}

function turnAway(
  parts: OpsParts,
  request: IncomingMessage,
  response: ServerResponse,
  code: "NOT_FOUND" | "METHOD_NOT_ALLOWED" | "UNAUTHENTICATED",
  detail: string,
  fields: readonly string[] = [],
): void {
  refuse(request, response, { code, detail, fields, traceId: parts.traceIds(request.headers.traceparent) });
}
