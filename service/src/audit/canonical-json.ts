// The one text of a JSON value (RFC 8785): members by the UTF-16 code units of their names, no spaces, numbers and strings
// as ECMAScript writes them.
//
// Promise: a value that went through a PostgreSQL jsonb column gives the same text again. jsonb keeps neither the order
// of members nor the spelling of numbers; this needs neither. Not here: making a value fit jsonb (auditable.ts).

export type Json = null | boolean | number | string | JsonList | JsonObject;
export type JsonList = readonly Json[];
export type JsonObject = Readonly<{ [name: string]: Json }>;

/** Throws for a number that is not finite: JSON has no word for it. */
export function canonicalJson(value: Json): string {
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError(`JSON has no number ${value}.`);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.keys(value)
    .sort(byCodeUnits)
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name] ?? null)}`);
  return `{${members.join(",")}}`;
}

export function isList(value: Json): value is JsonList {
  return Array.isArray(value);
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
