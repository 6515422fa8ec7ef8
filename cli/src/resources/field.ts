// A field of a resource as the command line takes it, and the rules that turn words into the wire's values. Pure.
// A field has the name it has on the wire; its option is that name in kebab case.
import { InvalidArgumentError } from "commander";

type Kind =
  | Readonly<{ kind: "list" | "integer"; word: string }>
  /** `none` is null on the wire, where there is such a choice; so it is of a text that may be nothing. */
  | Readonly<{ kind: "text"; word: string; none?: true }>
  | Readonly<{ kind: "choice"; of: readonly string[]; none?: true }>
  | Readonly<{ kind: "flag" | "tenants" | "target" }>
  | Readonly<{ kind: "limits" }>
  | Readonly<{ kind: "password" }>;

export type Field = Kind & Readonly<{ name: string; about: string; required?: true }>;

export function optionName(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The values of a field of this kind, as help shows them. */
export function valueWord(field: Exclude<Field, { kind: "limits" }>): string {
  switch (field.kind) {
    case "text":
    case "list":
    case "integer":
      return field.word;
    case "choice":
    case "flag":
      return "word";
    case "tenants":
      return "ids|all";
    case "target":
      return "everyone|plan:name|tenant:id";
    case "password":
      return "file";
  }
}

/** Throws what commander shows beside the option. */
export function parseValue(field: Exclude<Field, { kind: "limits" | "password" }>, text: string): unknown {
  switch (field.kind) {
    case "text":
    case "choice":
      return field.none && text === "none" ? null : text;
    case "list":
      return text.split(",").map((each) => each.trim());
    case "integer":
      return parseInteger(text);
    case "flag":
      return text === "true";
    case "tenants":
      return text === "all" ? null : text.split(",").map((id) => id.trim());
    case "target":
      return parseTarget(text);
  }
}

/** The choices of a field that has some. */
export function choicesOf(field: Field): readonly string[] | null {
  if (field.kind === "flag") return ["true", "false"];
  if (field.kind !== "choice") return null;
  return field.none ? [...field.of, "none"] : field.of;
}

/** Null sets no limit. */
export function parseLimit(text: string): number | null {
  return text === "none" ? null : parseInteger(text);
}

function parseInteger(text: string): number {
  const number = Number(text);
  if (/^-?\d{1,16}$/.test(text) && Number.isSafeInteger(number)) return number;
  throw new InvalidArgumentError("Write a whole number.");
}

function parseTarget(text: string): unknown {
  if (text === "everyone") return text;
  const [, kind, name] = /^(plan|tenant):(.+)$/.exec(text) ?? [];
  if (kind !== undefined) return { [kind]: name };
  throw new InvalidArgumentError("Write everyone, plan:NAME or tenant:ID.");
}
