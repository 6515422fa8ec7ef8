// Where a command speaks: data to stdout, talk to stderr; tables for people, JSON for everything else.
import { once } from "node:events";
import { displayText, displayWidth } from "./display-width.ts";

export type Terminal = Readonly<{
  /** True for people: a table is wanted. */
  wantsTables: boolean;
  environment: Readonly<Record<string, string | undefined>>;
  /** Data. */
  print: (text: string) => void;
  /** A part of data that comes as a stream; resolves when there is room for more. */
  write: (chunk: string) => Promise<void>;
  /** Warnings, errors, what was done. */
  say: (text: string) => void;
  /** How far long work is: each line takes the place of the one before, "" ends it. Null where nobody watches. */
  progress: ((text: string) => void) | null;
  /** Asks a person for a secret and shows none of it; null where nobody is there to answer. */
  askSecret: ((question: string) => Promise<string>) | null;
}>;

export type Row = Readonly<Record<string, string | number | boolean | null>>;

const CLEAR_LINE = "\r\x1b[K";

export function processTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  // Whoever reads us may stop when it has seen enough, as `head` does.
  for (const stream of [stdout, stderr]) stream.on("error", endQuietly);
  return {
    wantsTables: stdout.isTTY === true,
    environment: process.env,
    print: (text) => void stdout.write(`${text}\n`),
    write: async (chunk) => {
      if (!stdout.write(chunk)) await once(stdout, "drain");
    },
    say: (text) => void stderr.write(`${text}\n`),
    progress: stderr.isTTY === true ? (text) => void stderr.write(`${CLEAR_LINE}${text}`) : null,
    askSecret: stdin.isTTY === true && stderr.isTTY === true ? askSecret : null,
  };
}

/** Prints `data` as one JSON document, or `rows` as a table. */
export function printResult(terminal: Terminal, json: boolean | undefined, data: unknown, rows: readonly Row[]): void {
  terminal.print(json || !terminal.wantsTables ? JSON.stringify(data, null, 2) : formatTable(rows));
}

/** Columns in the order of the first row's fields, as wide as their widest cell. */
export function formatTable(rows: readonly Row[]): string {
  const names = Object.keys(rows[0] ?? {});
  const lines = [names.map((name) => name.toUpperCase()), ...rows.map((row) => names.map((name) => cell(row[name])))];
  const widths = names.map((_, column) => Math.max(...lines.map((line) => displayWidth(line[column] ?? ""))));
  return lines
    .map((line) =>
      line
        .map((text, column) => text + " ".repeat((widths[column] ?? 0) - displayWidth(text)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function cell(value: Row[string] | undefined): string {
  return value === null || value === undefined ? "-" : displayText(String(value));
}

async function askSecret(question: string): Promise<string> {
  // Imported only now: hardly any command asks.
  const { askUnseen } = await import("./ask-secret.ts");
  return await askUnseen(question);
}

function endQuietly(fault: NodeJS.ErrnoException): void {
  if (fault.code !== "EPIPE") throw fault;
  process.exit();
}
