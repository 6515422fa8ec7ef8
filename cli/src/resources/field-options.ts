// Fields as options of a command, and what was given of them as the body of a request.
import { LIMIT_FIELDS } from "@sluice/contract";
import { type Command, Option } from "commander";
import { CommandFailure, EXIT } from "../exit-codes.ts";
import { readPassword } from "../password.ts";
import type { Terminal } from "../terminal.ts";
import { choicesOf, type Field, optionName, parseLimit, parseValue, valueWord } from "./field.ts";

export type Body = Readonly<Record<string, unknown>>;
type Options = Readonly<Record<string, unknown>>;

const LIMIT_MEANING = "0 blocks, -1 is unlimited, none sets nothing";
const PASSWORD_VARIABLE = "SLUICE_NEW_PASSWORD";

export function addFieldOptions(command: Command, fields: readonly Field[]): void {
  for (const field of fields) {
    if (field.kind === "limits") {
      for (const limit of LIMIT_FIELDS) {
        command.option(`--${optionName(limit)} <number>`, LIMIT_MEANING, checked(parseLimit));
      }
    } else if (field.kind === "password") {
      command.option("--password-file <file>", `${field.about} is the first line of this file`);
    } else {
      command.addOption(optionOf(field));
    }
  }
}

/** What was given, by the names of the wire. `purpose` new: a required field must be there, a password is asked for. */
export async function readBody(
  terminal: Terminal,
  fields: readonly Field[],
  options: Options,
  purpose: "new" | "change",
): Promise<Body> {
  const missing = fields.filter(({ name, required }) => required && options[name] === undefined);
  if (purpose === "new" && missing.length > 0) {
    const names = missing.map(({ name }) => `--${optionName(name)}`);
    throw new CommandFailure(EXIT.usage, `Something is missing: give ${names.join(" and ")}.`);
  }
  const body: Record<string, unknown> = {};
  for (const field of fields) {
    const value = await readField(terminal, field, options, purpose);
    if (value !== undefined) body[field.name] = value;
  }
  return body;
}

/** Undefined where nothing was given. */
async function readField(
  terminal: Terminal,
  field: Field,
  options: Options,
  purpose: "new" | "change",
): Promise<unknown> {
  if (field.kind === "limits") {
    const given = LIMIT_FIELDS.filter((name) => options[name] !== undefined);
    if (purpose === "change" && given.length === 0) return undefined;
    return Object.fromEntries(given.map((name) => [name, parseLimit(String(options[name]))]));
  }
  if (field.kind === "password") {
    const file = options.passwordFile as string | undefined;
    if (purpose === "change" && file === undefined) return undefined;
    return await readPassword(terminal, {
      file,
      variable: PASSWORD_VARIABLE,
      question: "The new password",
      isNew: true,
    });
  }
  const text = options[field.name];
  return text === undefined ? undefined : parseValue(field, String(text));
}

function optionOf(field: Exclude<Field, { kind: "limits" | "password" }>): Option {
  const option = new Option(`--${optionName(field.name)} <${valueWord(field)}>`, field.about);
  const choices = choicesOf(field);
  return choices === null ? option.argParser(checked((text) => parseValue(field, text))) : option.choices(choices);
}

/** The text stays a text until the body is made: commander takes null for an option without its value. */
function checked(parse: (text: string) => unknown): (text: string) => string {
  return (text) => {
    parse(text);
    return text;
  };
}
