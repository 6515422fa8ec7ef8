import { MAX_BATCH_BODY, MAX_CHECK_BODY } from "@sluice/contract";
import { afterEach, expect, test } from "vitest";
import { createCallers } from "../auth/callers.http.ts";
import { createCredentials } from "../auth/credentials.ts";
import { BATCH_PATH, CHECK_PATH } from "./check.http.ts";
import { type DoorOptions, GOOD_CHECK, openDoor, sendBytes } from "./door.world.ts";

const opened: Awaited<ReturnType<typeof openDoor>>[] = [];

async function open(options: DoorOptions = {}) {
  const door = await openDoor(options);
  opened.push(door);
  return door;
}

afterEach(async () => {
  for (const door of opened.splice(0)) await door.close();
});

const FREE = { plan: { perMinute: 2, quotaPerMonth: 10 } };

test("a decision is 200 with every field of the contract, allowed or not", async () => {
  const door = await open(FREE);
  const allowed = await door.check(GOOD_CHECK);
  expect(allowed.status).toBe(200);
  expect(Object.keys(allowed.body)).toEqual([
    "allowed",
    "reason",
    "status",
    "remaining",
    "resetAt",
    "retryAfterMs",
    "deniedBy",
    "shadow",
    "notes",
    "policyVersion",
    "traceId",
  ]);
  expect(allowed.headers.get("content-type")).toBe("application/json");
  await door.check(GOOD_CHECK);
  const refused = await door.check(GOOD_CHECK);
  expect(refused.status).toBe(200);
  expect(refused.body).toMatchObject({ allowed: false, reason: "RATE_LIMIT_EXCEEDED", status: 429 });
});

test("the headers name the tightest limit, and a refusal says when to come back", async () => {
  const door = await open(FREE);
  const allowed = await door.check({ ...GOOD_CHECK, cost: 2 });
  expect(allowed.headers.get("ratelimit")).toBe('"minute";r=0;t=60');
  expect(allowed.headers.get("ratelimit-policy")).toBe('"minute";q=2;w=60');
  expect(allowed.headers.get("retry-after")).toBe(null);
  const refused = await door.check(GOOD_CHECK);
  const retrySeconds = Math.ceil((refused.body.retryAfterMs ?? 0) / 1000);
  expect(refused.headers.get("ratelimit")).toBe(`"minute";r=0;t=${retrySeconds}`);
  expect(refused.headers.get("retry-after")).toBe(`${retrySeconds}`);
});

test("enforce=1 answers a refusal with its own status, enforce=0 does not, anything else is refused", async () => {
  const door = await open(FREE);
  const body = JSON.stringify({ ...GOOD_CHECK, cost: 2 });
  expect((await door.send(`${CHECK_PATH}?enforce=1`, body)).status).toBe(200);
  expect((await door.send(`${CHECK_PATH}?enforce=1`, body)).status).toBe(429);
  expect((await door.send(`${CHECK_PATH}?enforce=0`, body)).status).toBe(200);
  for (const query of ["enforce=true", "enforce", "Enforce=1", "enforce=1&x=2"]) {
    expect(await door.send(`${CHECK_PATH}?${query}`, body)).toMatchObject({
      status: 400,
      body: { code: "INVALID_REQUEST" },
    });
  }
});

test("a batch is decided in order, without headers, a malformed check keeping its place and spoiling nothing", async () => {
  const door = await open(FREE);
  const { status, headers, body } = await door.batch([
    GOOD_CHECK,
    { ...GOOD_CHECK, cost: -1 },
    "nonsense",
    GOOD_CHECK,
    GOOD_CHECK,
  ]);
  expect(status).toBe(200);
  expect(headers.get("ratelimit")).toBe(null);
  expect(body.decisions.map(({ reason }) => reason)).toEqual([
    "OK",
    "INVALID_REQUEST",
    "INVALID_REQUEST",
    "OK",
    "RATE_LIMIT_EXCEEDED",
  ]);
  expect(body.decisions[1]).toMatchObject({
    allowed: false,
    status: 400,
    policyVersion: 42,
    problem: { code: "INVALID_REQUEST", errors: [{ pointer: "/checks/1/cost", detail: "must be >= 0" }] },
  });
  expect(body.decisions[2]?.problem?.errors).toEqual([{ pointer: "/checks/2", detail: "must be a JSON object" }]);
});

test("a batch of malformed checks only asks the core nothing", async () => {
  const door = await open(FREE);
  expect((await door.batch([{}])).body.decisions).toHaveLength(1);
  expect(door.core.store.orders).toEqual([]);
});

test.for([
  ["no check", []],
  ["too many checks", Array.from({ length: 257 }, () => GOOD_CHECK)],
  ["no list", { "0": GOOD_CHECK }],
])("a batch with %s is a problem as a whole", async ([, checks]) => {
  const door = await open(FREE);
  expect(await door.batch(checks)).toMatchObject({ status: 400, body: { errors: [{ pointer: "/checks" }] } });
  expect(door.core.store.orders).toEqual([]);
});

test("256 checks are a batch", async () => {
  const door = await open();
  const { body } = await door.batch(Array.from({ length: 256 }, () => GOOD_CHECK));
  expect(body.decisions).toHaveLength(256);
});

test("a trace id is the caller's where traceparent is valid, else our own", async () => {
  const door = await open();
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  expect((await door.check(GOOD_CHECK, { traceparent })).body.traceId).toBe("4bf92f3577b34da6a3ce929d0e0e4736");
  expect((await door.check({}, { traceparent })).body.traceId).toBe("4bf92f3577b34da6a3ce929d0e0e4736");
  const bad = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
  expect((await door.check(GOOD_CHECK, { traceparent: bad })).body.traceId).toMatch(/^0{20}[0-9a-f]{12}$/);
});

test.for([
  ["nothing", ""],
  ["half an object", '{"tenantId":'],
  ["a trailing comma", '{"tenantId":"acme",}'],
  ["NaN", '{"cost":NaN}'],
  ["a byte order mark", "\ufeff{}"],
  ["a raw control character in a string", '{"tenantId":"a\u0000"}'],
  ["bytes that are no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
])("a body that is %s is INVALID_JSON", async ([, body]) => {
  const door = await open();
  expect(await door.send(CHECK_PATH, body as string)).toMatchObject({
    status: 400,
    body: { type: "urn:sluice:problem:INVALID_JSON", code: "INVALID_JSON", status: 400, errors: [] },
  });
});

test.for([
  ["text/plain", {}],
  ["application/jsonp", {}],
  ["application/json; charset=latin1", {}],
  ["application/json", { "content-encoding": "gzip" }],
])("a body of type %s %j is not supported", async ([type, headers]) => {
  const door = await open();
  const reply = await door.send(CHECK_PATH, "{}", { ...(headers as object), "content-type": type as string });
  expect(reply).toMatchObject({ status: 415, body: { code: "UNSUPPORTED_MEDIA_TYPE" } });
});

test("JSON may say that it is UTF-8", async () => {
  const door = await open();
  for (const type of ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']) {
    expect((await door.send(CHECK_PATH, JSON.stringify(GOOD_CHECK), { "content-type": type })).status).toBe(200);
  }
});

test("other methods and paths are turned away", async () => {
  const door = await open();
  const got = await fetch(door.url + CHECK_PATH);
  expect(got.status).toBe(405);
  expect(got.headers.get("allow")).toBe("POST");
  expect(got.headers.get("content-type")).toBe("application/problem+json");
  expect((await fetch(`${door.url}${CHECK_PATH}/`, { method: "POST" })).status).toBe(404);
});

test("a body of exactly the limit is read, one byte more is not", async () => {
  const door = await open();
  const padded = (bytes: number) => JSON.stringify(GOOD_CHECK).padEnd(bytes, " ");
  expect((await door.send(CHECK_PATH, padded(MAX_CHECK_BODY))).status).toBe(200);
  expect(await door.send(CHECK_PATH, padded(MAX_CHECK_BODY + 1))).toMatchObject({
    status: 413,
    body: { code: "BODY_TOO_LARGE" },
  });
  const batch = JSON.stringify({ checks: [GOOD_CHECK] }).padEnd(MAX_BATCH_BODY, " ");
  expect((await door.send(BATCH_PATH, batch)).status).toBe(200);
  expect((await door.send(BATCH_PATH, `${batch} `)).status).toBe(413);
});

test("a chunked body is cut off where it passes the limit", async () => {
  const door = await open();
  const chunk = `1000\r\n${" ".repeat(4096)}\r\n`;
  const head = `POST ${CHECK_PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const reply = await sendBytes(door.port, head + chunk.repeat(5));
  expect(reply).toContain("HTTP/1.1 413");
  expect(reply).toContain("Connection: close");
  expect(reply).toContain("BODY_TOO_LARGE");
});

const BOUND = createCallers({
  kind: "credential",
  credentials: createCredentials([
    { secret: "everyone-0123456789", tenants: null },
    { secret: "acme-only-0123456789", tenants: ["acme", "acme-test"] },
  ]),
});

test("without an active credential there is no answer but 401", async () => {
  const door = await open({ callers: BOUND });
  for (const headers of [{}, { "x-service-auth": "everyone-012345678" }, { "x-service-auth": "" }]) {
    const reply = await door.check(GOOD_CHECK, headers as Record<string, string>);
    expect(reply).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
    expect(reply.headers.get("www-authenticate")).toBe("X-Service-Auth");
  }
  expect(door.core.store.orders).toEqual([]);
  expect((await door.check(GOOD_CHECK, { "x-service-auth": "everyone-0123456789" })).status).toBe(200);
});

test("a bound credential asks for its tenants only, in batches too", async () => {
  const door = await open({ callers: BOUND });
  const headers = { "x-service-auth": "acme-only-0123456789" };
  expect((await door.check(GOOD_CHECK, headers)).status).toBe(200);
  const asked = door.core.store.orders.length;
  const foreign = { ...GOOD_CHECK, tenantId: "globex" };
  expect(await door.check(foreign, headers)).toMatchObject({
    status: 403,
    body: { code: "TENANT_NOT_PERMITTED", errors: [{ pointer: "/tenantId" }] },
  });
  expect(await door.batch([GOOD_CHECK, foreign], headers)).toMatchObject({
    status: 403,
    body: { errors: [{ pointer: "/checks/1/tenantId" }] },
  });
  expect(door.core.store.orders).toHaveLength(asked);
});

test("a core that breaks its promise is a 500 with a trace id, and the next check is answered", async () => {
  const door = await open();
  const broken = await open({
    checks: {
      check: (input, traceId) => {
        if (input.cost === 1) throw new Error("at once");
        if (input.cost === 2) return Promise.reject(new Error("later"));
        return door.core.checks.check(input, traceId);
      },
      checkBatch: async () => [],
    },
  });
  for (const cost of [1, 2]) {
    const reply = await broken.check({ ...GOOD_CHECK, cost });
    expect(reply).toMatchObject({ status: 500, body: { code: "INTERNAL" } });
    expect(JSON.stringify(reply.body)).not.toMatch(/at once|later/);
  }
  expect((await broken.batch([GOOD_CHECK])).status).toBe(500);
  expect(broken.failures.map(String)).toEqual([
    "Error: at once",
    "Error: later",
    "Error: the core answered 0 of 1 checks",
  ]);
  expect((await broken.check({ ...GOOD_CHECK, cost: 3 })).status).toBe(200);
});

test("decisions, refusals and the caller's clock are measured", async () => {
  const door = await open({ plan: { perMinute: 1 } });
  await door.check({ ...GOOD_CHECK, timestamp: "2020-01-01T00:00:00Z" });
  await door.batch([GOOD_CHECK]);
  await door.check({});
  const text = await door.metricsText();
  expect(text).toContain('sluice_decisions_total{reason="OK",window="none"} 1');
  expect(text).toContain('sluice_decisions_total{reason="RATE_LIMIT_EXCEEDED",window="minute"} 1');
  expect(text).toContain('sluice_refused_requests_total{code="INVALID_REQUEST"} 1');
  expect(text).toContain('sluice_caller_clock_skew_seconds_count{direction="behind"} 1');
  expect(text).toContain('sluice_check_duration_seconds_count{door="single"} 1');
  expect(text).toContain('sluice_check_duration_seconds_count{door="batch"} 1');
});
