// The thread that takes the browser script of the API reference out of its package, compressed, and ends.
// The package holds the script as megabytes of text in a module: loading it would stall a thread that answers checks.
import { parentPort } from "node:worker_threads";
import { gzipSync } from "node:zlib";
import apiReference from "@scalar/fastify-api-reference";
import fastify from "fastify";

const app = fastify();
await app.register(apiReference, { routePrefix: "/reference", configuration: { url: "unused" } });
const { statusCode, rawPayload } = await app.inject("/reference/js/scalar.js");
if (statusCode !== 200) throw new Error(`the package answers ${statusCode} for its script`);
parentPort?.postMessage(gzipSync(rawPayload));
