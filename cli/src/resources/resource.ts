// What a resource of the Admin API is to the command line. Data only: commands are made from it in resource-commands.ts.
import type { Command } from "commander";
import type { Terminal } from "../terminal.ts";
import type { Field } from "./field.ts";

export type Resource = Readonly<{
  /** The word for many, which is the command, and the word for one, which is its alias. */
  name: string;
  one: string;
  about: string;
  path: string;
  /** The field that names a row in a path, and another unique one that people may give in its place. */
  id: string;
  alias?: string;
  /** Of a list on a terminal. */
  columns: readonly string[];
  filters: readonly Field[];
  /** False where only lists are answered. */
  hasRows: boolean;
  /** `key` is the field that is given as the argument. */
  create?: Readonly<{ key: string; fields: readonly Field[]; instead?: Instead }>;
  /** PUT replaces a row: what is not given is taken from the row as it is. */
  update?: Readonly<{ method: "PATCH" | "PUT"; fields: readonly Field[] }>;
  remove?: Readonly<{ word: string; about: string; needsEtag: boolean }>;
  acts?: readonly Act[];
}>;

/** A further verb on one row. */
export type Act = Readonly<{
  word: string;
  about: string;
  method: "POST" | "PUT" | "DELETE";
  /** After the row's; `{}` is the argument, where there is one that belongs to the path. */
  path: string;
  argument?: Field;
  fields: readonly Field[];
  needsEtag: boolean;
}>;

/** Another way to create, chosen by a flag, that does not ask the Admin API. */
export type Instead = Readonly<{
  addOptions: (command: Command) => void;
  isWanted: (options: Readonly<Record<string, unknown>>) => boolean;
  act: (terminal: Terminal, key: string, options: Readonly<Record<string, unknown>>) => Promise<unknown>;
}>;
