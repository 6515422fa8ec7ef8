// The HTTP listener: node:http or node:https with bounds on everything a peer can send or hold open, and an orderly end.
// Promises: a connection that opens with bytes that are no HTTP gets a problem document; after `release` a caller that opens
// no new connection loses no call; `drain` lets what is in flight finish and is not held by idle connections.
// Not here: what a request means.
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import type { TlsOptions } from "node:tls";
import { type ProblemCode, problem } from "@sluice/contract";

/** A gateway keeps its connections longer than this rarely; a shorter time races its next request. */
const KEEP_ALIVE_MS = 75_000;
/** Header fields and the whole request must have arrived by then: a slow sender holds no memory for longer. */
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const TIMEOUT_CHECK_MS = 1_000;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_CONNECTIONS = 20_000;
/**
 * A busy peer's next request may be on its way: for so long after the end began, kept-alive connections are closed by the
 * answer to it, which says so, and not under it.
 */
const IDLE_GRACE_MS = 500;
/** How often `drain` looks for connections that have become idle. */
const DRAIN_CHECK_MS = 10;

const LIMITS = {
  keepAliveTimeout: KEEP_ALIVE_MS,
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: TIMEOUT_CHECK_MS,
  maxHeaderSize: MAX_HEADER_BYTES,
};

export type HttpListener = Readonly<{
  server: Server;
  /** Resolves with the port in use (`port` 0 picks a free one); rejects when it cannot be had. */
  listen: (port: number, host: string) => Promise<number>;
  /** Goes on accepting and serving, but every answer from now on ends its connection and says so: pools empty themselves. */
  release: () => void;
  /** Releases, stops accepting, and resolves when the last request in flight is answered. Idempotent. */
  drain: () => Promise<void>;
}>;

/** `tls` null = plain HTTP. */
export function createHttpListener(handle: RequestListener, tls: TlsOptions | null): HttpListener {
  let draining: Promise<void> | null = null;
  let isReleased = false;
  const listener: RequestListener = (request, response) => {
    if (isReleased) response.shouldKeepAlive = false;
    handle(request, response);
  };
  const server = tls === null ? createServer(LIMITS, listener) : createTlsServer({ ...LIMITS, ...tls }, listener);
  server.maxConnections = MAX_CONNECTIONS;
  server.on("clientError", answerClientError);
  return {
    server,
    listen: (port, host) => listen(server, port, host),
    release: () => {
      isReleased = true;
    },
    drain: () => {
      isReleased = true;
      draining ??= drain(server);
      return draining;
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

async function drain(server: Server): Promise<void> {
  if (!server.listening) return;
  // Of net, because the one of http closes idle connections at once, and with them requests that are just arriving.
  const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
  const graceEndMs = performance.now() + IDLE_GRACE_MS;
  const sweep = setInterval(() => {
    // In the check phase, after what has arrived was read: such a connection is not idle any more.
    if (performance.now() >= graceEndMs) setImmediate(() => server.closeIdleConnections());
  }, DRAIN_CHECK_MS);
  await closed;
  clearInterval(sweep);
}

function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  const code = codeOf(error);
  // Bytes were written: an answer may be half sent, and a second one would be read as part of it.
  if (code === null || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const document = problem(code, "The connection is closed; send a request that follows RFC 9112.", [], "");
  const body = JSON.stringify(document);
  socket.end(
    `HTTP/1.1 ${document.status} ${document.title}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** Null for what happened below HTTP (a reset, a failed TLS handshake): there is nobody to answer in HTTP. */
function codeOf(error: NodeJS.ErrnoException): ProblemCode | null {
  if (error.code === "HPE_HEADER_OVERFLOW") return "HEADERS_TOO_LARGE";
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") return "REQUEST_TIMEOUT";
  return error.code?.startsWith("HPE_") === true ? "MALFORMED_HTTP" : null;
}
