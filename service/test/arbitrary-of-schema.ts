// Random values of a JSON Schema, for tests that ask with whatever a document allows, and with what it does not.
import fc from "fast-check";

export type JsonSchema = Readonly<{
  type?: string;
  enum?: readonly unknown[];
  const?: unknown;
  anyOf?: readonly JsonSchema[];
  properties?: Readonly<Record<string, JsonSchema>>;
  patternProperties?: Readonly<Record<string, JsonSchema>>;
  required?: readonly string[];
  items?: JsonSchema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  pattern?: string;
  format?: string;
}>;

/** Longer lists and texts say nothing new and take their time. */
const MOST_ITEMS = 3;
const MOST_CHARACTERS = 40;

/** Follows the schema. `known` are texts worth trying wherever they fit, such as ids that exist. */
export function arbitraryOf(schema: JsonSchema, known: readonly string[]): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((each) => arbitraryOf(each, known)));
  switch (schema.type) {
    case "object":
      return objectOf(schema, known);
    case "array":
      return fc.array(arbitraryOf(schema.items ?? {}, known), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.max(schema.minItems ?? 0, Math.min(schema.maxItems ?? MOST_ITEMS, MOST_ITEMS)),
      });
    case "string":
      return textOf(schema, known);
    case "integer":
    case "number":
      return fc.integer({ min: schema.minimum ?? -1_000, max: Math.min(schema.maximum ?? 1_000, 2 ** 31 - 1) });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

/** Breaks a value in one place: what a caller gets wrong, by mistake or not. */
export function brokenOf(value: unknown): fc.Arbitrary<unknown> {
  const junk = fc.constantFrom<unknown>(
    null,
    -1,
    2 ** 53,
    1.5,
    "",
    "\u0000",
    "\ud800",
    "x".repeat(5_000),
    [],
    {},
    [[[]]],
    true,
  );
  if (typeof value !== "object" || value === null || Array.isArray(value)) return junk;
  const fields = Object.keys(value);
  const without = (field: string) => Object.fromEntries(Object.entries(value).filter(([name]) => name !== field));
  return fc.oneof(
    junk,
    fc.tuple(fc.constantFrom("extra", "__proto__", "constructor", "id", "a/b~c"), junk).map(([field, bad]) => {
      return Object.fromEntries([...Object.entries(value), [field, bad]]);
    }),
    ...(fields.length === 0
      ? []
      : [
          fc.constantFrom(...fields).map(without),
          fc.tuple(fc.constantFrom(...fields), junk).map(([field, bad]) => ({ ...value, [field]: bad })),
        ]),
  );
}

function objectOf(schema: JsonSchema, known: readonly string[]): fc.Arbitrary<unknown> {
  const { properties, patternProperties } = schema;
  if (properties === undefined) {
    const [values = {}] = Object.values(patternProperties ?? {});
    return fc.dictionary(fc.constantFrom("name", "id", "limits", "plan"), arbitraryOf(values, known), {
      maxKeys: MOST_ITEMS,
    });
  }
  const fields = Object.entries(properties).map(([name, each]) => [name, arbitraryOf(each, known)] as const);
  return fc.record(Object.fromEntries(fields), { requiredKeys: [...(schema.required ?? [])] });
}

function textOf(schema: JsonSchema, known: readonly string[]): fc.Arbitrary<string> {
  const { pattern, format, minLength = 0, maxLength = MOST_CHARACTERS } = schema;
  const fits = known.filter((text) => {
    const follows = pattern === undefined || new RegExp(pattern, "u").test(text);
    return follows && text.length >= minLength && text.length <= maxLength && (format === "uuid") === UUID.test(text);
  });
  const made =
    format === "uuid"
      ? fc.uuid()
      : pattern !== undefined
        ? fc.stringMatching(new RegExp(pattern, "u")).filter((text) => text.length <= maxLength)
        : fc.string({
            minLength,
            maxLength: Math.max(minLength, Math.min(maxLength, MOST_CHARACTERS)),
            unit: "grapheme",
          });
  return fits.length === 0 ? made : fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...fits) }, made);
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
