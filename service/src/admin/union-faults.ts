// One fault for a value that fits none of the forms it may have. The schema library tells of every form and then of the
// union, which for a wrong limit is three lines: not an integer, not null, none of them. Pure.
//
// Told is what came closest: of something that may be null, what is wrong with the other form; else the faults inside the
// one form that fits from outside; else what it may be, in the words of the schema.
import type Type from "typebox";
import type { Validator } from "typebox/compile";

export type SchemaFault = ReturnType<Validator["Errors"]>[number];

/** In the order of the library, which tells of the forms before the union that holds them. */
export function foldUnions(faults: readonly SchemaFault[], schema: Type.TSchema): SchemaFault[] {
  let told: SchemaFault[] = [];
  for (const fault of faults) {
    if (fault.keyword !== "anyOf") {
      told.push(fault);
      continue;
    }
    const isOfForm = (other: SchemaFault) =>
      other.schemaPath.startsWith(`${fault.schemaPath}/anyOf/`) && isWithin(other, fault);
    const ofForms = told.filter(isOfForm);
    told = [...told.filter((other) => !isOfForm(other)), ...closest(fault, ofForms, schema)];
  }
  return told;
}

function closest(union: SchemaFault, ofForms: readonly SchemaFault[], schema: Type.TSchema): SchemaFault[] {
  const forms = Object.values(Object.groupBy(ofForms, (fault) => formOf(union, fault))).filter(
    (form) => form !== undefined,
  );
  const others = forms.filter((form) => !form.every((fault) => isNotNull(fault) && isAt(fault, union)));
  const [only] = others;
  if (only !== undefined && others.length === 1 && forms.length > 1) {
    return only.map((fault) => (isAt(fault, union) ? { ...fault, message: `${fault.message} or null` } : fault));
  }
  const inside = others.filter((form) => form.every((fault) => !isAt(fault, union) && fault.keyword !== "boolean"));
  const [best] = inside;
  if (best !== undefined && inside.length === 1) return best;
  const { description } = schemaAt(schema, union.schemaPath);
  return [
    { ...union, message: description === undefined ? "has none of the forms it may have" : `must be ${description}` },
  ];
}

/** Which of the forms this is a fault of. */
function formOf(union: SchemaFault, fault: SchemaFault): string {
  return fault.schemaPath.slice(`${union.schemaPath}/anyOf/`.length).split("/", 1)[0] ?? "";
}

function isNotNull({ keyword, params }: SchemaFault): boolean {
  return keyword === "type" && "type" in params && params.type === "null";
}

function isAt(fault: SchemaFault, union: SchemaFault): boolean {
  return fault.instancePath === union.instancePath;
}

function isWithin(fault: SchemaFault, union: SchemaFault): boolean {
  return isAt(fault, union) || fault.instancePath.startsWith(`${union.instancePath}/`);
}

/** `path` as the library writes it: `#/properties/limits`. */
function schemaAt(schema: Type.TSchema, path: string): Readonly<{ description?: string }> {
  const at = (part: unknown, name: string) => (part as Readonly<Record<string, unknown>> | undefined)?.[name];
  return (path.split("/").slice(1).reduce<unknown>(at, schema) ?? {}) as Readonly<{ description?: string }>;
}
