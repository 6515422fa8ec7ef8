// `sluice completion`: a script that lets a shell complete our commands, made from the commands themselves.
import { Argument, Command } from "commander";
import { describeCommands } from "./command-tree.ts";
import { bashCompletion } from "./completion/bash.ts";
import { fishCompletion } from "./completion/fish.ts";
import { type Place, placesOf } from "./completion/words.ts";
import { zshCompletion } from "./completion/zsh.ts";
import type { Terminal } from "./terminal.ts";

type Shell = "bash" | "zsh" | "fish";

const SCRIPTS: Readonly<Record<Shell, (places: readonly Place[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

export function completionCommand(terminal: Terminal): Command {
  return new Command("completion")
    .description("Print a completion script, such as: source <(sluice completion bash)")
    .addArgument(new Argument("<shell>").choices(Object.keys(SCRIPTS)))
    .action((shell: Shell, _options, command: Command) => {
      terminal.print(SCRIPTS[shell](placesOf(describeCommands(rootOf(command)))));
    });
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}
