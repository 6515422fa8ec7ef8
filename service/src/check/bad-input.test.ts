// Every class of bad input, over the real door: refused with every fault named, and nothing asked of the counters.
import { afterAll, beforeAll, expect, test } from "vitest";
import { GOOD_CHECK, openDoor } from "./door.world.ts";

let door: Awaited<ReturnType<typeof openDoor>>;
beforeAll(async () => {
  door = await openDoor({ plan: { perMinute: 5 } });
});
afterAll(() => door.close());

const UNPRINTABLE =
  "must hold printable characters only: no control characters, no lone surrogates, no invisible formatting";

const BAD: readonly (readonly [string, string, object, readonly (readonly [string, string | RegExp])[]])[] = [
  ["a number for a tenant", "", { tenantId: 7 }, [["/tenantId", "must be string"]]],
  ["null for a tenant", "", { tenantId: null }, [["/tenantId", "must be string"]]],
  ["a list for a path", "", { apiPath: ["/a"] }, [["/apiPath", "must be string"]]],
  ["a string for a cost", "", { cost: "1" }, [["/cost", "must be integer"]]],
  ["a boolean for a cost", "", { cost: true }, [["/cost", "must be integer"]]],
  ["null for an optional field", "", { userId: null }, [["/userId", "must be string"]]],
  ["an unknown field", "", { tenant: "acme" }, [["/tenant", "is not a field of the contract"]]],
  ["an unknown field that needs escaping", "", { "a/b~c": 1 }, [["/a~1b~0c", "is not a field of the contract"]]],
  ["a tenant of 65 characters", "", { tenantId: "a".repeat(65) }, [["/tenantId", /pattern/]]],
  ["a tenant with braces", "", { tenantId: "{acme}" }, [["/tenantId", /pattern/]]],
  ["a tenant with a colon", "", { tenantId: "acme:u" }, [["/tenantId", /pattern/]]],
  ["a tenant with a newline at its end", "", { tenantId: "acme\n" }, [["/tenantId", /pattern/]]],
  ["an empty tenant", "", { tenantId: "" }, [["/tenantId", /pattern/]]],
  ["a user of 129 code points", "", { userId: "😀".repeat(129) }, [["/userId", /128/]]],
  ["an empty user", "", { userId: "" }, [["/userId", /1/]]],
  ["a user with NUL", "", { userId: "a\u0000b" }, [["/userId", UNPRINTABLE]]],
  ["a user with a newline", "", { userId: "a\nb" }, [["/userId", UNPRINTABLE]]],
  ["a user with a lone surrogate", "", { userId: "a\ud800b" }, [["/userId", UNPRINTABLE]]],
  ["a request id of 65 characters", "", { requestId: "r".repeat(65) }, [["/requestId", /64/]]],
  ["a request id with a tab", "", { requestId: "a\tb" }, [["/requestId", UNPRINTABLE]]],
  ["a path without a slash", "", { apiPath: "v1" }, [["/apiPath", /pattern/]]],
  ["a path of 2049 characters", "", { apiPath: `/${"a".repeat(2048)}` }, [["/apiPath", /2048/]]],
  ["a path with a broken escape", "", { apiPath: "/a%2" }, [["/apiPath", /./]]],
  ["a path with NUL", "", { apiPath: "/a\u0000" }, [["/apiPath", /./]]],
  ["a path with an escaped NUL", "", { apiPath: "/a%00" }, [["/apiPath", /./]]],
  ["a path with a lone surrogate", "", { apiPath: "/\udfff" }, [["/apiPath", /./]]],
  ["a method with a space", "", { httpMethod: "GET /" }, [["/httpMethod", /pattern/]]],
  ["a method of 33 characters", "", { httpMethod: "A".repeat(33) }, [["/httpMethod", /pattern/]]],
  ["a negative cost", "", { cost: -1 }, [["/cost", "must be >= 0"]]],
  ["a fractional cost", "", { cost: 1.5 }, [["/cost", "must be integer"]]],
  ["a cost above the greatest", "", { cost: 1_000_001 }, [["/cost", "must be <= 1000000"]]],
  ["a cost of 2^53", "", { cost: 2 ** 53 }, [["/cost", "must be <= 1000000"]]],
  ["a timestamp that is none", "", { timestamp: "yesterday" }, [["/timestamp", /RFC 3339/]]],
  ["a timestamp of a day that is none", "", { timestamp: "2026-02-30T00:00:00Z" }, [["/timestamp", /RFC 3339/]]],
];

test.for(BAD)("%s is refused by name", async ([, , fields, faults]) => {
  const asked = door.core.store.orders.length;
  const { status, headers, body } = await door.check({ ...GOOD_CHECK, ...fields });
  expect(status).toBe(400);
  expect(headers.get("content-type")).toBe("application/problem+json");
  expect(body.code).toBe("INVALID_REQUEST");
  expect(body.traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(body.errors.map(({ pointer }) => pointer)).toEqual(faults.map(([pointer]) => pointer));
  for (const [index, [, detail]] of faults.entries()) {
    if (typeof detail === "string") expect(body.errors[index]?.detail).toBe(detail);
    else expect(body.errors[index]?.detail).toMatch(detail);
  }
  expect(door.core.store.orders).toHaveLength(asked);
});

test("all faults are named at once, unknown fields beside missing and wrong ones", async () => {
  const { body } = await door.check({ tenantId: 1, cost: -1, userId: "", nonsense: true });
  expect(body.errors.map(({ pointer }) => pointer).sort()).toEqual([
    "/apiPath",
    "/cost",
    "/httpMethod",
    "/nonsense",
    "/tenantId",
    "/userId",
  ]);
  const everyField = { tenantId: "", userId: "", apiPath: "", httpMethod: "", cost: -1.5, requestId: "", timestamp: 1 };
  const wrong = await door.check(everyField);
  expect([...new Set(wrong.body.errors.map(({ pointer }) => pointer.slice(1)))].sort()).toEqual(
    Object.keys(everyField).sort(),
  );
  const meanings = await door.check({
    ...GOOD_CHECK,
    userId: "\u0007",
    requestId: "\u202e",
    apiPath: "/%",
    timestamp: "t",
  });
  expect(meanings.body.errors.map(({ pointer }) => pointer)).toEqual([
    "/userId",
    "/requestId",
    "/apiPath",
    "/timestamp",
  ]);
});

test("a flood of unknown fields is counted, not listed, and hides no other fault", async () => {
  const flood = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`x${index}`, 1]));
  const { body } = await door.check({ ...flood, ...GOOD_CHECK, cost: -1 });
  expect(body.errors).toHaveLength(1 + 20 + 1);
  expect(body.errors[0]?.pointer).toBe("/cost");
  expect(body.errors.at(-1)).toEqual({ pointer: "", detail: "has 980 more fields that are not of the contract" });
});

test.for([
  ["[]", ""],
  ["null", ""],
  ["1", ""],
  ['"check"', ""],
  [`${"[".repeat(8000)}${"]".repeat(8000)}`, ""],
])("JSON that is no object is refused as a whole: %.10s", async ([text]) => {
  const { status, body } = await door.send("/internal/rate-limit/check", text as string);
  expect(status).toBe(400);
  expect(body.errors).toEqual([{ pointer: "", detail: "must be a JSON object" }]);
});

test("__proto__ and constructor are unknown fields like any other, and change no object", async () => {
  for (const name of ["__proto__", "constructor", "toString"]) {
    const text = JSON.stringify(GOOD_CHECK).replace("{", `{"${name}":{"cost":0,"polluted":true},`);
    const { status, body } = await door.send("/internal/rate-limit/check", text);
    expect([status, body.errors]).toEqual([400, [{ pointer: `/${name}`, detail: "is not a field of the contract" }]]);
  }
  expect(({} as Record<string, unknown>).polluted).toBe(undefined);
});

test("of a key that stands twice the last one counts, and is judged", async () => {
  const send = (text: string) => door.send("/internal/rate-limit/check", text);
  const twice = (first: string, last: string) =>
    send(`{"tenantId":"acme","apiPath":"/v1","httpMethod":"GET","cost":${first},"cost":${last}}`);
  expect((await twice("-1", "0")).status).toBe(200);
  expect((await twice("0", "-1")).status).toBe(400);
});

test("odd but good input reaches the counters in its one form", async () => {
  const fields = {
    userId: "이름 👩‍💻 {a}:b",
    apiPath: "//v1/./x/../%72eport/?a=b",
    httpMethod: "get",
    requestId: "r-1",
  };
  const { status } = await door.check({ ...GOOD_CHECK, ...fields, timestamp: "2026-11-22T23:59:60+09:00" });
  expect(status).toBe(200);
  expect(door.core.store.orders.at(-1)?.checks[0]).toMatchObject({ user: fields.userId, cost: 1, requestId: "r-1" });
});
