import type { IncomingMessage } from "node:http";
import { afterEach, expect, test } from "vitest";
import { createHealth } from "./health.ts";
import { createHttpListener, type HttpListener } from "./http.ts";
import { createOpsDoor, createScrapeGate } from "./ops.http.ts";
import { createTraceIds } from "./trace.ts";

const listeners: HttpListener[] = [];

async function open(text: () => Promise<string> = async () => "# EOF\n") {
  const health = createHealth();
  health.part("redis", false, () => ({ healthy: false, detail: "away" }));
  const failures: unknown[] = [];
  const listener = createHttpListener(
    createOpsDoor({
      health,
      metrics: { contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8", text },
      mayScrape: createScrapeGate({ credential: "scrape-credential", holdsCertificate: null }),
      traceIds: createTraceIds(),
      onFailure: (cause) => failures.push(cause),
    }),
    null,
  );
  listeners.push(listener);
  const port = await listener.listen(0, "127.0.0.1");
  const get = async (path: string, credential?: string, method = "GET") => {
    const headers: Record<string, string> = credential === undefined ? {} : { authorization: credential };
    const reply = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers });
    return { status: reply.status, type: reply.headers.get("content-type"), text: await reply.text() };
  };
  return { health, failures, get };
}

afterEach(async () => {
  for (const { server, drain } of listeners.splice(0)) {
    server.closeAllConnections();
    await drain();
  }
});

test("probes follow the life of the process, without any proof", async () => {
  const { health, get } = await open();
  const statuses = async () => [
    (await get("/livez")).status,
    (await get("/startupz")).status,
    (await get("/readyz")).status,
  ];
  expect(await statuses()).toEqual([200, 503, 503]);
  health.start();
  expect(await statuses()).toEqual([200, 200, 200]);
  health.stop();
  expect(await statuses()).toEqual([200, 200, 503]);
  expect((await get("/readyz")).text).toBe('{"ready":false}');
});

test("parts and metrics are for whoever proves to be the scraper", async () => {
  const { health, get } = await open();
  health.start();
  for (const path of ["/metrics", "/readyz?verbose"]) {
    for (const credential of [undefined, "scrape-credential", "Bearer scrape-credentia", "Bearer scrape-credential2"]) {
      expect(await get(path, credential)).toMatchObject({ status: 401, type: "application/problem+json" });
    }
  }
  expect(JSON.parse((await get("/readyz?verbose", "Bearer scrape-credential")).text)).toEqual({
    ready: true,
    phase: "running",
    parts: { redis: { healthy: false, required: false, detail: "away" } },
  });
  expect(await get("/metrics", "Bearer scrape-credential")).toEqual({
    status: 200,
    type: "application/openmetrics-text; version=1.0.0; charset=utf-8",
    text: "# EOF\n",
  });
});

test("other paths and methods are turned away", async () => {
  const { get } = await open();
  expect((await get("/")).status).toBe(404);
  expect((await get("/livez", undefined, "POST")).status).toBe(405);
});

test("metrics that cannot be collected are a 500 and no end of the process", async () => {
  const { get, failures } = await open(() => Promise.reject(new Error("broken")));
  expect((await get("/metrics", "Bearer scrape-credential")).status).toBe(500);
  expect(failures).toHaveLength(1);
  expect((await get("/livez")).status).toBe(200);
});

test("a certificate will do in place of the credential, and where neither is configured the gate is open", () => {
  const request = { headers: {} } as IncomingMessage;
  expect(createScrapeGate({ credential: "c", holdsCertificate: () => true })(request)).toBe(true);
  expect(createScrapeGate({ credential: null, holdsCertificate: () => false })(request)).toBe(false);
  expect(createScrapeGate({ credential: null, holdsCertificate: null })(request)).toBe(true);
});
