// The table of resources beside the routes that are served (contract/openapi.json).
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { RESOURCES } from "./resources.ts";

type Reference = Readonly<{ $ref: string }>;
type Parameter = Readonly<{ name: string; in: string }>;
type Schema = Readonly<{ properties: Readonly<Record<string, unknown>> }>;
type Operation = Readonly<{
  parameters?: readonly (Parameter | Reference)[];
  requestBody?: Readonly<{ content: Readonly<{ "application/json": Readonly<{ schema: Schema | Reference }> }> }>;
}>;
type Document = Readonly<{
  paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}>;

const text = readFileSync(new URL("../../../contract/openapi.json", import.meta.url), "utf8");
const document = JSON.parse(text) as Document;
const { paths } = document;

/** Of lists: how pages are asked for, and forms that commands of their own ask for. */
const NO_FILTERS = ["limit", "cursor", "format"];
/** Served through commands of their own, not through the table. */
const OTHER_COMMANDS = ["/admin/auth/", "/admin/policy-set", "/admin/usage/", "/admin/explain"];

test.each(RESOURCES)("the options of $name are the fields of its routes", (resource) => {
  const { path, id, filters, create, update, remove } = resource;
  expect(parametersOf(path, "get", "query").filter((name) => !NO_FILTERS.includes(name))).toEqual(names(filters));
  if (create) expect(bodyOf(path, "post")).toEqual([...names(create.fields), create.key].sort());
  if (update) expect(bodyOf(`${path}/{${id}}`, update.method.toLowerCase())).toEqual(names(update.fields));
  if (remove) expect(isConditional(`${path}/{${id}}`, "delete")).toBe(remove.needsEtag);
  expect(resource.hasRows).toBe(`${path}/{${id}}` in paths && "get" in (paths[`${path}/{${id}}`] ?? {}));
});

const ACTS = RESOURCES.flatMap((resource) => (resource.acts ?? []).map((act) => ({ resource, act })));

test.each(ACTS)("$resource.one $act.word asks a route that is served, with its fields", ({ resource, act }) => {
  const isInPath = act.path.includes("{}");
  const path = `${resource.path}/{${resource.id}}${act.path.replace("{}", `{${act.argument?.name}}`)}`;
  const fields = isInPath || !act.argument ? act.fields : [...act.fields, act.argument];
  expect(bodyOf(path, act.method.toLowerCase())).toEqual(names(fields));
  expect(isConditional(path, act.method.toLowerCase())).toBe(act.needsEtag);
});

test("every route that is served has a command", () => {
  const served = Object.entries(paths)
    .filter(([path]) => path.startsWith("/admin/") && !OTHER_COMMANDS.some((other) => path.startsWith(other)))
    .flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method} ${path}`));
  const commanded = RESOURCES.flatMap(({ path, id, hasRows, create, update, remove, acts = [] }) => [
    `get ${path}`,
    ...(hasRows ? [`get ${path}/{${id}}`] : []),
    ...(create ? [`post ${path}`] : []),
    ...(update ? [`${update.method.toLowerCase()} ${path}/{${id}}`] : []),
    ...(remove ? [`delete ${path}/{${id}}`] : []),
    ...acts.map(
      (act) => `${act.method.toLowerCase()} ${path}/{${id}}${act.path.replace("{}", `{${act.argument?.name}}`)}`,
    ),
  ]);
  expect(commanded.sort()).toEqual(served.sort());
});

function names(fields: readonly Readonly<{ name: string }>[]): string[] {
  return fields.map(({ name }) => name).sort();
}

function operationOf(path: string, method: string): Operation {
  const operation = paths[path]?.[method];
  if (operation === undefined) throw new Error(`There is no ${method} ${path}.`);
  return operation;
}

function parametersOf(path: string, method: string, place: string): string[] {
  const parameters = operationOf(path, method).parameters ?? [];
  return parameters
    .map((parameter) => resolved<Parameter>(parameter))
    .filter((parameter) => parameter.in === place)
    .map(({ name }) => name)
    .sort();
}

function isConditional(path: string, method: string): boolean {
  return parametersOf(path, method, "header").includes("If-Match");
}

function bodyOf(path: string, method: string): string[] {
  const schema = operationOf(path, method).requestBody?.content["application/json"].schema;
  return schema === undefined ? [] : Object.keys(resolved<Schema>(schema).properties).sort();
}

/** What a reference such as #/components/schemas/X leads to. */
function resolved<T extends object>(value: T | Reference): T {
  if (!("$ref" in value)) return value;
  const steps = value.$ref.split("/").slice(1);
  return steps.reduce((node: unknown, step) => (node as Record<string, unknown>)[step], document) as T;
}
