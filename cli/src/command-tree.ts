// The commands as data, for what is generated from them: completion scripts and docs/cli.md. Pure.
import type { Command } from "commander";

export type OptionNode = Readonly<{
  /** Such as `--url <url>`. */
  flags: string;
  long: string;
  takesValue: boolean;
  choices: readonly string[];
  description: string;
}>;

export type CommandNode = Readonly<{
  /** The words after `sluice`; empty for the program itself. */
  path: readonly string[];
  alias: string | null;
  description: string;
  /** `<id> [options]` */
  usage: string;
  options: readonly OptionNode[];
  commands: readonly CommandNode[];
}>;

export function describeCommands(program: Command): CommandNode {
  return describe(program, []);
}

/** The command itself and everything below it. */
export function flatten(node: CommandNode): CommandNode[] {
  return [node, ...node.commands.flatMap(flatten)];
}

function describe(command: Command, path: readonly string[]): CommandNode {
  return {
    path,
    alias: command.alias() ?? null,
    description: command.description(),
    usage: command.usage(),
    options: command.options
      .filter(({ hidden }) => !hidden)
      .map((option) => ({
        flags: option.flags,
        long: option.long ?? option.flags,
        takesValue: option.required || option.optional,
        choices: option.argChoices ?? [],
        description: option.description,
      })),
    commands: command.commands.map((child) => describe(child, [...path, child.name()])),
  };
}
