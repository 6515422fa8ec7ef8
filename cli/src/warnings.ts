// What the service remarks on written rows, as talk: a warning refuses nothing.
import type { Warning } from "@sluice/contract";
import type { Terminal } from "./terminal.ts";

/** `nameOf` tells what a pointer points at, where its text alone does not. */
export function sayWarnings(
  terminal: Terminal,
  warnings: readonly Warning[],
  nameOf: (pointer: string) => string | null = () => null,
): void {
  for (const { code, message, pointer } of warnings) {
    const name = nameOf(pointer);
    const place = [pointer, ...(name === null ? [] : [`(${name})`])].join(" ").trim();
    terminal.say(`Warning ${code}${place === "" ? "" : ` at ${place}`}: ${message}`);
  }
}
