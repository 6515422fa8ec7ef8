// /openapi.json and /docs: the OpenAPI document of this release and a page to read it, for anyone who reaches the port.
// The document is the committed one, which a check holds to the routes: every instance of a release sends the same bytes.
// Promise: nothing is loaded before it is asked for, and loading it stalls no check. Not here: the page (docs-page.ts).
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { gzip } from "node:zlib";
import type { FastifyInstance } from "fastify";
import { type StaticFile, sendStatic, staticFile } from "../platform/static-answer.http.ts";
import { DOCS_PATH, DOCUMENT_PATH, docsPage, docsPolicy, SCRIPT_PATH } from "./docs-page.ts";

const NONCE_BYTES = 16;
const require = createRequire(import.meta.url);

export function addDocs(app: FastifyInstance): void {
  const document = once(loadDocument);
  const script = once(loadScript);
  app.get(DOCUMENT_PATH, async (request, reply) => sendStatic(request, reply, await document()));
  app.get(SCRIPT_PATH, async (request, reply) => sendStatic(request, reply, await script()));
  app.get(DOCS_PATH, (_request, reply) => {
    const nonce = randomBytes(NONCE_BYTES).toString("base64");
    reply.header("Content-Security-Policy", docsPolicy(nonce)).header("Referrer-Policy", "no-referrer");
    return reply.type("text/html; charset=utf-8").send(docsPage(nonce));
  });
}

async function loadDocument(): Promise<StaticFile> {
  const bytes = await readFile(require.resolve("@sluice/contract/openapi.json"));
  return staticFile("application/json", await promisify(gzip)(bytes));
}

async function loadScript(): Promise<StaticFile> {
  const worker = new Worker(new URL("../platform/api-reference-worker.ts", import.meta.url), { execArgv: [] });
  const gzipped = await new Promise<Uint8Array>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("the thread ended without the script")));
  });
  return staticFile("text/javascript; charset=utf-8", gzipped);
}

/** Shared by all who ask at once; what failed is tried again. */
function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | null = null;
  return () => {
    loading ??= load().catch((fault) => {
      loading = null;
      throw fault;
    });
    return loading;
  };
}
