// temporary
import { createServer } from "node:http";
import { createHttpListener } from "./platform/http.ts";
import { createMetrics } from "./platform/metrics.ts";
import { createTraceIds } from "./platform/trace.ts";
import { createCallers } from "./auth/callers.http.ts";
import { createCredentials } from "./auth/credentials.ts";
import { createCheckDoor } from "./check/check.http.ts";
const mode = process.argv[2];
const dec = { allowed:true, reason:"OK", status:200, remaining:{perSecond:9,perMinute:0,perDay:4800,quotaDaily:19000,quotaMonthly:190000}, resetAt:{second:"2026-11-22T10:00:00.000Z",minute:"2026-11-22T10:00:00.000Z",day:"2026-11-22T10:00:00.000Z",quotaDay:"2026-11-22T10:00:00.000Z",month:"2026-11-22T10:00:00.000Z"}, retryAfterMs:null, deniedBy:null, shadow:[], notes:[], policyVersion:42, traceId:"0123456789abcdef0123456789abcdef"} as never as import("@sluice/contract").Decision;
const answer = { decision: dec, tightest: { window: "minute", limit: 200, remaining: 3, resetSeconds: 12 } } as const;
const text = JSON.stringify(dec);
let server;
if (mode === "echo") server = createServer((req, res) => { const chunks: Buffer[] = []; req.on("data", (c) => chunks.push(c)); req.on("end", () => { JSON.parse(Buffer.concat(chunks).toString()); res.writeHead(200, { "content-type": "application/json", "content-length": text.length }); res.end(text); }); });
else {
  const { metrics } = createMetrics();
  const callers = createCallers(mode === "cred" ? { kind: "credential", credentials: createCredentials([{ secret: "credential-credential-credential-1234", tenants: null }]) } : { kind: "none" });
  server = createHttpListener(createCheckDoor({ checks: { check: async () => answer, checkBatch: async () => [] }, callers, metrics, traceIds: createTraceIds(), policyVersion: () => 1, onFailure: console.error }, () => {}), null).server;
}
server.listen(0, "127.0.0.1", () => console.log((server!.address() as { port: number }).port));
process.on("SIGTERM", () => process.exit());
process.on("SIGUSR2", () => { const { user, system } = process.cpuUsage(); console.log(JSON.stringify({ user, system })); });
