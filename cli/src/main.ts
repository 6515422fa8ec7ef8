// The `sluice` command line: runs one command and turns its end into an exit code (exit-codes.ts).
// Not here: which commands there are (program.ts), what each does (one file each).
import { CommanderError } from "commander";
import { CommandFailure, EXIT } from "./exit-codes.ts";
import { createProgram } from "./program.ts";
import { processTerminal, type Terminal } from "./terminal.ts";

/** Runs one command line (without node and script) and returns its exit code. */
export async function runSluice(words: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = createProgram(terminal, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...words], { from: "user" });
    return exitCode;
  } catch (fault) {
    terminal.progress?.("");
    return exitCodeOf(fault, terminal);
  }
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
