// The `sluice` command line: finds the command, runs it, and turns its end into an exit code (exit-codes.ts).
// Not here: what a command does (one file each).
import { Command, CommanderError } from "commander";
import { checkCommand } from "./check.ts";
import { doctorCommand } from "./doctor.ts";
import { CommandFailure, EXIT } from "./exit-codes.ts";
import { migrateCommand } from "./migrate.ts";
import { moveSlotsCommand } from "./move-slots.ts";
import { serveCommand } from "./serve.ts";
import { processTerminal, type Terminal } from "./terminal.ts";

/** Runs one command line (without node and script) and returns its exit code. */
export async function runSluice(words: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  let exitCode: number = EXIT.ok;
  const finish = (code: number) => {
    exitCode = code;
  };
  const program = new Command("sluice")
    .description("Multi-tenant API rate limits and quotas")
    .addCommand(serveCommand(terminal))
    .addCommand(migrateCommand(terminal))
    .addCommand(checkCommand(terminal, finish))
    .addCommand(doctorCommand(terminal, finish))
    .addCommand(new Command("redis").description("Care for the Redis Cluster").addCommand(moveSlotsCommand(terminal)));
  for (const command of withDescendants(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.say(text.trimEnd()),
    });
  }
  try {
    await program.parseAsync([...words], { from: "user" });
    return exitCode;
  } catch (fault) {
    return exitCodeOf(fault, terminal);
  }
}

function withDescendants(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withDescendants)];
}

function exitCodeOf(fault: unknown, terminal: Terminal): number {
  // Commander has already written help, or what is wrong with the command line.
  if (fault instanceof CommanderError) return fault.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (fault instanceof CommandFailure) {
    terminal.say(`sluice: ${fault.message}`);
    return fault.exitCode;
  }
  terminal.say(`sluice failed: ${fault instanceof Error ? (fault.stack ?? fault.message) : String(fault)}`);
  return EXIT.failed;
}
