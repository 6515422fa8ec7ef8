// A process of the service whose counters take the time from the test: one worker, built by the same `startWorker`.
// The time is set over HTTP on SLUICE_TEST_CLOCK_PORT (`PUT /`, body: UTC ms); the answer says that it holds from now on.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { readConfig } from "../src/config.ts";
import { createLog } from "../src/platform/log.ts";
import { createShutdown, shutdownOnSignals } from "../src/platform/shutdown.ts";
import { startWorker } from "../src/service.ts";

const { SLUICE_TEST_CLOCK_PORT: clockPort, SLUICE_TEST_CLOCK_MS: startMs, ...environment } = process.env;
let nowMs = Number(startMs);

const read = readConfig(environment, (path) => readFileSync(path, "utf8"));
if (read.kind === "faulty") throw new Error(`The configuration is faulty: ${JSON.stringify(read.faults)}`);

const log = createLog(read.config.logLevel, {});
const shutdown = createShutdown({
  limitMs: read.config.shutdownMs,
  exit: (code) => process.exit(code),
  say: (what) => log.info(what),
});
shutdownOnSignals(shutdown);

const clock = createServer(async (request, response) => {
  nowMs = Number(await text(request));
  response.end();
});
clock.listen(Number(clockPort), "127.0.0.1");

const worker = await startWorker(read.config, { keeper: true, ops: true }, log, shutdown, () => nowMs);
log.info({ port: worker.port, opsPort: worker.opsPort }, "ready");
