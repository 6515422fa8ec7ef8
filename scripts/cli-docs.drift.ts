// docs/cli.md: what is below its marker is made from the commands themselves. Without a word it compares; with --write it
// writes. What is above the marker is written by hand and stays.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CommandNode, describeCommands, flatten, type OptionNode } from "../cli/src/command-tree.ts";
import { createProgram } from "../cli/src/program.ts";
import { processTerminal } from "../cli/src/terminal.ts";

const path = join(import.meta.dirname, "../docs/cli.md");
const MARKER = "<!-- From here on made from the commands: node scripts/cli-docs.drift.ts --write -->";

const present = readFileSync(path, "utf8");
const [byHand = ""] = present.split(MARKER, 1);
const program = describeCommands(createProgram(processTerminal(), () => undefined));
const made = `${byHand}${MARKER}\n${sections(program)}`;
const faults = present.includes(MARKER) ? [] : [`the marker is missing: ${MARKER}`];
if (process.argv.includes("--write") && faults.length === 0) writeFileSync(path, made);
else if (present !== made) faults.push("it is not what the commands say: run scripts/cli-docs.drift.ts --write");
for (const fault of faults) console.error(`docs/cli.md: ${fault}`);
process.exitCode = faults.length === 0 ? 0 : 1;

/** One section for each command that does something; groups of commands have none of their own. */
function sections(root: CommandNode): string {
  return flatten(root)
    .filter(({ commands }) => commands.length === 0)
    .map(section)
    .join("");
}

function section({ path: words, description, usage, options }: CommandNode): string {
  const rows = options.map(({ flags, ...option }) => [`\`${escaped(flags)}\``, about({ flags, ...option })] as const);
  const lines = [
    `\n## sluice ${words.join(" ")}\n`,
    `${escaped(description)}.\n`,
    `\`sluice ${[...words, usage].join(" ")}\``,
    ...(rows.length === 0 ? [] : ["", ...tableOf([["option", "meaning"], ...rows])]),
  ];
  return `${lines.join("\n")}\n`;
}

/** Padded as the formatter would: the file is held to both. */
function tableOf(rows: readonly (readonly [string, string])[]): string[] {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`);
  return [lines[0] ?? "", `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...lines.slice(1)];
}

function about({ description, choices }: OptionNode): string {
  const of = choices.length === 0 ? "" : `: ${choices.map((choice) => `\`${choice}\``).join(", ")}`;
  return escaped(description) + of;
}

/** A bar would end the cell of a table. */
function escaped(text: string): string {
  return text.replaceAll("|", "\\|");
}
