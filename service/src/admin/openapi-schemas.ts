// Says a schema once in the OpenAPI document: whatever equals a schema with a name becomes a reference to it. Pure.
// Schemas are compared as they are written, because making a field optional copies its schema.

export type SharedSchemas = Readonly<{
  /** The schema with references for everything in it that has a name. */
  refer: (schema: unknown) => unknown;
  /** The schemas that were referred to so far, by name. */
  components: () => Readonly<Record<string, unknown>>;
}>;

export function shareSchemas(named: Readonly<Record<string, unknown>>): SharedSchemas {
  const names = new Map(Object.entries(named).map(([name, schema]) => [JSON.stringify(schema), name]));
  const components = new Map<string, unknown>();
  const refer = (schema: unknown): unknown => {
    const name = names.get(JSON.stringify(schema));
    if (name === undefined) return inside(schema);
    if (!components.has(name)) components.set(name, inside(schema));
    return { $ref: `#/components/schemas/${name}` };
  };
  const inside = (schema: unknown): unknown => {
    if (Array.isArray(schema)) return schema.map(refer);
    if (typeof schema !== "object" || schema === null) return schema;
    return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, refer(value)]));
  };
  return {
    refer,
    components: () => Object.fromEntries([...components].sort(([one], [other]) => (one < other ? -1 : 1))),
  };
}
