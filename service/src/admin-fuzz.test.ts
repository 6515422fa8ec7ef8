// Thousands of requests made from the schemas of the routes, right ones and wrong ones, against the real door and a real
// database. Nothing is a 5xx, and every answer is what the document says.
import { Problem } from "@sluice/contract";
import fc from "fast-check";
import { Compile } from "typebox/compile";
import { afterAll, beforeAll, expect, test } from "vitest";
import { arbitraryOf, brokenOf, type JsonSchema } from "../test/arbitrary-of-schema.ts";
import { startPostgres, type TestPostgres } from "../test/postgres.ts";
import { describeWithPostgres } from "../test/services.ts";
import { type AdminWorld, type Answer, openAdminWorld } from "./admin/admin.world.ts";
import { describeRoute, type Route } from "./admin/route.admin.ts";
import { openMonthsOf, routesOn } from "./admin-routes.world.ts";

const REQUESTS = 5_200;
const SEED = 20_261_122;
const USERS = ["admin", "operator", "viewer", "operator of acme", null];
/** Texts that mean something: of ids, patterns, dates and passwords that are good enough to be hashed now and then. */
const WORDS = ["acme", "globex", "FREE", "PRO", "/v1/orders", "/v1/*/items", "GET", "ANY", "kim", "UTC", "Asia/Seoul"];
const TIMES = ["2026-11-01", "2026-11-22", "2026-10", "2026-11", "2026-12-01T00:00:00Z", "2026-11-22T10:00:00.000Z"];

describeWithPostgres("whatever the Admin API is asked", () => {
  let server: TestPostgres;
  let world: AdminWorld;
  let routes: readonly Route[];
  beforeAll(async () => {
    server = await startPostgres();
    world = await openAdminWorld(await server.migratedDatabase(), (postgres) => {
      routes = routesOn(postgres);
      return routes;
    });
    await openMonthsOf(world.postgres);
    for (const name of ["FREE", "PRO"]) await world.ask("POST", "/admin/plans", { body: { name, limits: {} } });
    for (const id of ["acme", "globex"]) await world.ask("POST", "/admin/tenants", { body: { id, plan: "FREE" } });
  });
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  test("no request is answered by a 5xx, and every answer follows its schema", { timeout: 300_000 }, async ({
    annotate,
  }) => {
    /** Ids, names and etags that answers told of: requests that name what exists reach further. */
    const known = [...WORDS, ...TIMES];
    const statuses: Record<string, number> = {};
    const isProblem = Compile(Problem);
    const checks = new Map(routes.map((route) => [route, answerCheck(route)]));
    for (let number = 0; number < REQUESTS; number += 1) {
      const route = routes[number % routes.length];
      if (route === undefined) throw new Error("There is no route.");
      const [request] = fc.sample(requestOf(route, known), { seed: SEED + number, numRuns: 1 });
      if (request === undefined) throw new Error("There is no request.");
      const answer = await world.ask(route.method, request.path, request);
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      const told = `${JSON.stringify(request).slice(0, 600)} answered ${answer.status} ${answer.text.slice(0, 400)}`;
      expect(answer.status, `${told} ${String(world.failures.at(-1))}`).toBeLessThan(500);
      if (answer.status >= 400) expect(isProblem.Check(answer.body), told).toBe(true);
      else expect(checks.get(route)?.(answer), told).toBe(true);
      remember(known, answer);
    }
    await annotate(JSON.stringify(statuses));
    expect(world.failures).toEqual([]);
    // It would be no test if everything were refused, or nothing.
    expect(statuses[200]).toBeGreaterThan(REQUESTS / 20);
    expect(statuses[201]).toBeGreaterThan(REQUESTS / 100);
    expect(statuses[400]).toBeGreaterThan(REQUESTS / 20);
  });
});

type Request = Readonly<{ path: string; as: string | null; body?: unknown; headers: Readonly<Record<string, string>> }>;

function requestOf(route: Route, known: readonly string[]): fc.Arbitrary<Request> {
  const { shape } = route;
  const part = (schema: unknown) => (schema === undefined ? fc.constant({}) : arbitraryOf(schema as JsonSchema, known));
  const body = part(shape.body);
  return fc
    .record({
      as: fc.oneof({ weight: 8, arbitrary: fc.constant("admin") }, fc.constantFrom(...USERS)),
      params: part(shape.params),
      query: fc.oneof({ weight: 12, arbitrary: part(shape.query) }, part(shape.query).chain(brokenOf)),
      body: fc.oneof(
        { weight: 12, arbitrary: body },
        { weight: 5, arbitrary: body.chain(brokenOf) },
        fc.constantFrom("{", "[]", "null", "\u0000"),
      ),
      etag: fc.constantFrom(...known.filter((word) => word.length === 36), "none"),
      key: fc.oneof(
        { weight: 9, arbitrary: fc.constant(null) },
        fc.constantFrom("k-1", "k-2", "\u00e9", "x".repeat(300)),
      ),
      accept: fc.constantFrom("ko", "en", "*;q=0.1, ko-KR", "\u0009"),
    })
    .map(({ as, params, query, body, etag, key, accept }) => ({
      path: pathOf(route.path, params) + queryText(query),
      as,
      ...(shape.body !== undefined && { body }),
      headers: { "if-match": `"${etag}"`, "accept-language": accept, ...(key !== null && { "idempotency-key": key }) },
    }));
}

function pathOf(path: string, params: unknown): string {
  const values = params as Readonly<Record<string, unknown>>;
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(values[name] ?? "x").toWellFormed()),
  );
}

function queryText(query: unknown): string {
  if (typeof query !== "object" || query === null) return "?x=1";
  const fields = Object.entries(query).map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value).toWellFormed())}`,
  );
  return fields.length === 0 ? "" : `?${fields.join("&")}`;
}

function answerCheck(route: Route): (answer: Answer) => boolean {
  const { answer: schema, status, streams } = describeRoute(route);
  const validator = schema === undefined ? null : Compile(schema);
  return (answer) => {
    const type = String(answer.headers["content-type"] ?? "");
    if (answer.status !== status) return false;
    if (streams.includes(type)) return true;
    return validator === null ? answer.text === "" : validator.Check(answer.body);
  };
}

function remember(known: string[], { body }: Answer): void {
  for (const field of ["id", "name", "etag", "nextCursor"]) {
    const value: unknown = body?.[field];
    if (typeof value === "string" && !known.includes(value)) known.push(value);
  }
  // The newest say as much as all of them.
  if (known.length > 200) known.splice(WORDS.length + TIMES.length, 100);
}
