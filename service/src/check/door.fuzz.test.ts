// Whatever is sent, the door answers in its own words: never a 5xx, never silence for JSON over HTTP, never a dead process.
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BATCH_PATH, CHECK_PATH } from "./check.http.ts";
import { GOOD_CHECK, openDoor, sendBytes } from "./door.world.ts";

const SEED = 20261122;

let door: Awaited<ReturnType<typeof openDoor>>;
beforeAll(async () => {
  door = await openDoor({
    plan: { perSecond: 1000, quotaPerMonth: 1_000_000 },
    policies: [{ limits: { perMinute: 900 } }],
  });
});
afterAll(() => door.close());

const oddText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.constantFrom("", "{a}:b\n", "\u0000overflow", "\ud800", "/..%2f..//%2e", "/%", "__proto__", "a".repeat(3000)),
);
const oddNumber = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(2 ** 53, -0, 1e308, 1_000_001));
const oddValue = fc.oneof(oddText, oddNumber, fc.boolean(), fc.constant(null), fc.jsonValue({ maxDepth: 3 }));

/** A good check with some fields replaced, added or taken away. */
const mutatedCheck = fc
  .tuple(
    fc.dictionary(
      fc.oneof(
        fc.constantFrom("tenantId", "userId", "apiPath", "httpMethod", "cost", "requestId", "timestamp"),
        fc.string({ maxLength: 12 }),
      ),
      oddValue,
      { maxKeys: 4 },
    ),
    fc.option(fc.constantFrom("tenantId", "apiPath", "httpMethod"), { nil: "", freq: 8 }),
  )
  .map(([fields, gone]) => {
    const entries = Object.entries({ ...GOOD_CHECK, ...fields }).filter(([field]) => field !== gone);
    return Object.fromEntries(entries);
  });

const batch = fc.array(fc.oneof(mutatedCheck, oddValue), { maxLength: 8 }).map((checks) => ({ checks }));
const text = fc.oneof(fc.json({ maxDepth: 4 }), fc.string({ unit: "binary", maxLength: 200 }));

/** Where to, and what: mostly what belongs there. */
const request = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(
      fc.constant(CHECK_PATH),
      mutatedCheck.map((check) => JSON.stringify(check)),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constant(BATCH_PATH),
      batch.map((checks) => JSON.stringify(checks)),
    ),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(CHECK_PATH, BATCH_PATH), text) },
);

test("2 000 bodies, good, mutated and random, find no 5xx and get only answers of the contract", async () => {
  const statuses = new Map<number, number>();
  const property = fc.asyncProperty(request, async ([path, text]) => {
    const { status, headers, body: answer } = await door.send(path, text);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    expect([200, 400, 413]).toContain(status);
    if (status === 200) return;
    expect(headers.get("content-type")).toBe("application/problem+json");
    expect(answer).toMatchObject({
      status,
      code: expect.any(String),
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    if (answer.code === "INVALID_REQUEST") expect(answer.errors.length).toBeGreaterThan(0);
  });
  await fc.assert(property, { seed: SEED, numRuns: 2_000 });
  expect(door.failures).toEqual([]);
  // The run means nothing unless both ways through the door were taken often.
  expect(statuses.get(200)).toBeGreaterThan(300);
  expect(statuses.get(400)).toBeGreaterThan(300);
});

const head = fc.record({
  method: fc.oneof(
    { weight: 5, arbitrary: fc.constant("POST") },
    { weight: 1, arbitrary: fc.string({ maxLength: 8 }) },
  ),
  target: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(CHECK_PATH, BATCH_PATH) },
    { weight: 1, arbitrary: fc.webPath() },
  ),
  headers: fc.array(
    fc.tuple(
      fc.constantFrom("X-Service-Auth", "traceparent", "Expect", "Content-Length", "x"),
      fc.string({ unit: "binary-ascii", maxLength: 40 }),
    ),
    {
      maxLength: 3,
    },
  ),
});

test("300 connections of raw bytes are answered or closed, and the door goes on", async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 400 }).map((raw) => Buffer.from(raw)),
    fc.tuple(head, request).map(([{ method, target, headers }, [, text]]) => {
      const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
      const length = Buffer.byteLength(text);
      const type = `Content-Type: application/json\r\nContent-Length: ${length}\r\nConnection: close\r\n`;
      return Buffer.from(`${method} ${target} HTTP/1.1\r\nHost: a\r\n${type}${lines}\r\n${text}`);
    }),
  );
  const property = fc.asyncProperty(bytes, async (raw) => {
    expect(await sendBytes(door.port, raw)).not.toMatch(/HTTP\/1\.1 5\d\d/);
  });
  await fc.assert(property, { seed: SEED, numRuns: 300 });
  expect(door.failures).toEqual([]);
  expect((await door.check(GOOD_CHECK)).status).toBe(200);
});
