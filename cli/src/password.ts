// Where a command takes a password from: a file, the environment, or a person. Never an argument.
import { readFile } from "node:fs/promises";
import { CommandFailure, EXIT } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";

export type PasswordSource = Readonly<{
  file: string | undefined;
  variable: string;
  question: string;
  /** The option that names the file. */
  option?: string;
  /** One that nobody can look up: asked twice. */
  isNew?: boolean;
}>;

export async function readPassword(terminal: Terminal, source: PasswordSource): Promise<string> {
  const { file, variable, question, option = "--password-file", isNew = false } = source;
  if (file !== undefined) return await fromFile(file);
  const given = terminal.environment[variable];
  if (given) return given;
  if (terminal.askSecret === null) {
    throw new CommandFailure(EXIT.usage, `Nobody can be asked for the password: give ${option} or ${variable}.`);
  }
  const password = await terminal.askSecret(question);
  if (isNew && (await terminal.askSecret("The same again")) !== password) {
    throw new CommandFailure(EXIT.usage, "The two passwords differ: nothing was changed.");
  }
  return password;
}

async function fromFile(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((fault: unknown) => {
    throw new CommandFailure(EXIT.usage, `The password file cannot be read: ${(fault as Error).message}`);
  });
  const [line = ""] = text.split(/\r?\n/, 1);
  if (line !== "") return line;
  throw new CommandFailure(EXIT.usage, `${path} has no password in its first line.`);
}
