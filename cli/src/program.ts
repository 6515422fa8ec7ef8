// Every command of `sluice`, in the order in which help shows them.
import { Command } from "commander";
import { applyCommand, exportCommand } from "./apply.ts";
import { auditCommand } from "./audit.ts";
import { checkCommand } from "./check.ts";
import { completionCommand } from "./completion.ts";
import { doctorCommand } from "./doctor.ts";
import type { ExitCode } from "./exit-codes.ts";
import { explainCommand } from "./explain.ts";
import { loginCommand, logoutCommand } from "./login.ts";
import { migrateCommand } from "./migrate.ts";
import { moveSlotsCommand } from "./move-slots.ts";
import { passwordCommand } from "./own-password.ts";
import { recoverCommand } from "./recover.ts";
import { resourceCommand } from "./resources/resource-commands.ts";
import { RESOURCES } from "./resources/resources.ts";
import { serveCommand } from "./serve.ts";
import { statusCommand } from "./status.ts";
import type { Terminal } from "./terminal.ts";
import { usageCommand } from "./usage.ts";
import { VERSION } from "./version.ts";

/** `finish` is told the exit code of a command that ends well, where it is not 0. */
export function createProgram(terminal: Terminal, finish: (exitCode: ExitCode) => void): Command {
  const program = new Command("sluice")
    .description("Multi-tenant API rate limits and quotas")
    .version(VERSION, "--version", "print the release");
  program.commandsGroup("The service:");
  program
    .addCommand(serveCommand(terminal))
    .addCommand(statusCommand(terminal, finish))
    .addCommand(checkCommand(terminal, finish))
    .addCommand(explainCommand(terminal))
    .addCommand(usageCommand(terminal));
  program.commandsGroup("Administration:");
  program.addCommand(loginCommand(terminal)).addCommand(logoutCommand(terminal)).addCommand(passwordCommand(terminal));
  for (const resource of RESOURCES) program.addCommand(resourceCommand(terminal, resource));
  program.addCommand(applyCommand(terminal)).addCommand(exportCommand(terminal));
  program.commandsGroup("The installation:");
  program
    .addCommand(migrateCommand(terminal))
    .addCommand(doctorCommand(terminal, finish))
    .addCommand(auditCommand(terminal, finish))
    .addCommand(new Command("redis").description("Care for the Redis Cluster").addCommand(moveSlotsCommand(terminal)))
    .addCommand(recoverCommand(terminal, finish))
    .addCommand(completionCommand(terminal));
  for (const command of withDescendants(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.say(text.trimEnd()),
    });
  }
  return program;
}

function withDescendants(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withDescendants)];
}
