// Answers with bytes that do not change while the process lives: compressed once, not sent again to whoever has them.
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";

export type StaticFile = Readonly<{ type: string; gzipped: Uint8Array; etag: string }>;

export function staticFile(type: string, gzipped: Uint8Array): StaticFile {
  // Weak: the same tag stands for the bytes with and without their Content-Encoding (RFC 9110, 8.8.3.3).
  const etag = `W/"${createHash("sha256").update(gzipped).digest("base64url")}"`;
  return { type, gzipped, etag };
}

export function sendStatic(request: FastifyRequest, reply: FastifyReply, file: StaticFile): FastifyReply {
  reply.header("ETag", file.etag).header("Vary", "Accept-Encoding");
  // Kept by the browser, and asked for again at every use: a new release shows at once.
  reply.header("Cache-Control", "no-cache");
  const known = (request.headers["if-none-match"] ?? "").split(",").map((tag) => tag.trim());
  if (known.includes(file.etag)) return reply.code(304).send();
  reply.type(file.type);
  if (/\bgzip\b/i.test(request.headers["accept-encoding"]?.toString() ?? "")) {
    return reply.header("Content-Encoding", "gzip").send(file.gzipped);
  }
  return reply.send(Readable.from([file.gzipped]).pipe(createGunzip()));
}
