// Checks the parts of a request against the schemas of its route, and an answer against its own. Pure.
//
// Promise: what a schema does not name is refused, on the way in and on the way out: an answer with a field too many is a
// fault of ours, and is not sent. Every fault is named by a JSON Pointer.
import type { FieldProblem } from "@sluice/contract";
import type Type from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { Settings } from "typebox/system";
import { Value } from "typebox/value";
import { foldUnions } from "./union-faults.ts";

/** Of the whole process, and the same for checks (check/parse.ts): by itself the library stops telling after eight. */
Settings.Set({ maxErrors: 64 });

export type PartName = "params" | "query" | "body";
/** Gives the value in the types of the schema, or says every fault. */
export type ReadPart = (value: unknown) => Readonly<{ value: unknown; faults: readonly FieldProblem[] }>;

/** `schema` undefined = the part must be empty. Parameters and queries are text: they become what the schema says. */
export function partReader(name: PartName, schema: Type.TSchema | undefined): ReadPart {
  if (schema === undefined) return (value) => ({ value: {}, faults: emptyFaults(name, value) });
  const validator = Compile(schema);
  return (given) => {
    const value = name === "body" ? given : Value.Convert(schema, { ...(given as object) });
    return { value, faults: validator.Check(value) ? [] : faultsOf(schema, validator, value) };
  };
}

/** Throws when the answer is not what the route promises. */
export function answerWriter(schema: Type.TSchema | undefined): (body: unknown) => string {
  if (schema === undefined) return (body) => JSON.stringify(body);
  const validator = Compile(schema);
  return (body) => {
    // As it will be read: without undefined fields, with dates as text.
    const text = JSON.stringify(body);
    const sent: unknown = JSON.parse(text);
    if (validator.Check(sent)) return text;
    const [fault] = faultsOf(schema, validator, sent);
    throw new Error(`an answer breaks its schema at ${fault?.pointer}: ${fault?.detail}`);
  };
}

function emptyFaults(name: PartName, value: unknown): FieldProblem[] {
  const isEmpty = value === undefined || value === null || Object.keys(value).length === 0;
  return isEmpty ? [] : [{ pointer: "", detail: `the ${name} must be empty here` }];
}

function faultsOf(schema: Type.TSchema, validator: Validator, value: unknown): FieldProblem[] {
  return foldUnions(validator.Errors(value), schema).flatMap(({ keyword, instancePath, message, params }) => {
    if (keyword === "additionalProperties") {
      const { additionalProperties } = params as { additionalProperties: string[] };
      return additionalProperties.map((field) => ({
        pointer: `${instancePath}/${escaped(field)}`,
        detail: "is unknown",
      }));
    }
    if (keyword === "required") {
      const { requiredProperties } = params as { requiredProperties: string[] };
      return requiredProperties.map((field) => ({
        pointer: `${instancePath}/${escaped(field)}`,
        detail: "is missing",
      }));
    }
    // An unknown field is told above; the library tells of it a second time, as a schema that is false.
    if (keyword === "boolean") return [];
    return [{ pointer: instancePath, detail: message }];
  });
}

function escaped(field: string): string {
  return field.replaceAll("~", "~0").replaceAll("/", "~1");
}
