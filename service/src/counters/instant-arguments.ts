// Lays out the first arguments of every script that corrects counters: the TypeScript side of corrections.lua.
import type { Periods } from "../limits/quota-period.ts";
import { monthEnd } from "./take-arguments.ts";

/** UTC ms. `clock` "" = the store's own; after `validUntilMs` of it the script does nothing. */
export type ScriptTiming = Readonly<{ clock: string; validUntilMs: number }>;

export function instantArguments({ clock, validUntilMs }: ScriptTiming, { day, month }: Periods): string[] {
  const { previous, current, next } = day;
  const days = [previous, current, next].map(({ label, startMs, endMs }) => {
    return [label, endMs / 1_000, monthEnd(month, startMs)];
  });
  return [clock, validUntilMs, previous.startMs / 1_000, ...days.flat()].map(String);
}
