// Where a command speaks: data to stdout, talk to stderr; tables for people, JSON for everything else.

export type Terminal = Readonly<{
  /** True for people: a table is wanted. */
  wantsTables: boolean;
  environment: Readonly<Record<string, string | undefined>>;
  /** Data. */
  print: (text: string) => void;
  /** Progress, warnings, errors. */
  say: (text: string) => void;
}>;

export type Row = Readonly<Record<string, string | number | boolean | null>>;

export function processTerminal(): Terminal {
  return {
    wantsTables: process.stdout.isTTY === true,
    environment: process.env,
    print: (text) => void process.stdout.write(`${text}\n`),
    say: (text) => void process.stderr.write(`${text}\n`),
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
  const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function cell(value: Row[string] | undefined): string {
  return value === null || value === undefined ? "-" : String(value);
}
