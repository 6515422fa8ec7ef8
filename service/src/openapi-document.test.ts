import { Compile } from "typebox/compile";
import { expect, test } from "vitest";
import { EXAMPLES } from "./admin/openapi-examples.ts";
import { operationIdOf } from "./admin/operation-id.ts";
import { openApiDocument, releasedRoutes } from "./openapi-document.ts";

type Parameter = Readonly<{ $ref?: string; name?: string; description?: string }>;
const document = JSON.parse(JSON.stringify(openApiDocument())) as Readonly<{
  paths: Record<string, Record<string, Readonly<{ operationId: string; parameters: readonly Parameter[] }>>>;
  components: Record<string, Record<string, unknown>>;
}>;
const operations = Object.values(document.paths).flatMap((path) => Object.values(path));

/** Every object of the document, with the path to it. */
function* objectsIn(value: unknown, path = "#"): Generator<[string, Record<string, unknown>]> {
  if (typeof value !== "object" || value === null) return;
  yield [path, value as Record<string, unknown>];
  for (const [key, inner] of Object.entries(value)) yield* objectsIn(inner, `${path}/${key}`);
}

test("every operation is named by what it does", () => {
  const names = operations.map(({ operationId }) => operationId);
  expect(names).toEqual(expect.arrayContaining(["listPlans", "createPlan", "getPlan", "replacePlan", "deletePlan"]));
  expect(names).toEqual(expect.arrayContaining(["check", "checkBatch", "login", "getMe", "replaceTenantPlan"]));
  expect(names).toEqual(expect.arrayContaining(["applyPolicySet", "resetTenantCounters", "rotateServiceCredential"]));
  expect(names).toEqual(expect.arrayContaining(["listApiPolicies", "createApiPolicy", "deleteTenantUser"]));
});

test("every parameter says what it means", () => {
  const silent = operations.flatMap(({ operationId, parameters }) =>
    parameters.filter((one) => one.$ref === undefined && !one.description).map(({ name }) => `${operationId}: ${name}`),
  );
  expect(silent).toEqual([]);
});

test("every reference leads somewhere, and nothing is kept that nothing refers to", () => {
  const references = new Set(
    [...objectsIn(document)].flatMap(([, { $ref }]) => (typeof $ref === "string" ? [$ref] : [])),
  );
  const named = Object.entries(document.components)
    .filter(([kind]) => kind !== "securitySchemes")
    .flatMap(([kind, components]) => Object.keys(components).map((name) => `#/components/${kind}/${name}`));
  expect([...references].sort()).toEqual(named.sort());
});

test("no route says by itself what an object looks like", () => {
  const inline = [...objectsIn(document.paths)].filter(([, { type, properties }]) => type === "object" && properties);
  expect(inline.map(([path]) => path)).toEqual([]);
});

test("every example is of an operation, and follows its schema", () => {
  const routes = new Map(releasedRoutes().map((route) => [operationIdOf(route), route]));
  const faults = Object.entries(EXAMPLES).flatMap(([name, { body, answer }]) => {
    const route = routes.get(name);
    if (route === undefined) return [`${name}: there is no such operation`];
    const parts = [[body, route.shape.body] as const, [answer, route.answer] as const];
    return parts.flatMap(([example, schema]) => {
      if (example === undefined) return [];
      if (schema === undefined) return [`${name}: an example of nothing`];
      return Compile(schema)
        .Errors(example)
        .map(({ instancePath, message }) => `${name}${instancePath}: ${message}`);
    });
  });
  expect(faults).toEqual([]);
});
