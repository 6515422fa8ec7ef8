// The Lua scripts as they are loaded, and their SHA-1 names. A script is several files, one behind the other: the reader of
// states first, then what the last file uses.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

export type Script = Readonly<{ text: string; sha: string }>;

export const TAKE_SCRIPT = load("take-long-way.lua", "take.lua");
export const GIVE_BACK_SCRIPT = load("give-back.lua");
export const ADJUST_SCRIPT = load("corrections.lua", "adjust.lua");
export const RAISE_SCRIPT = load("corrections.lua", "raise.lua");
export const SCRIPTS: readonly Script[] = [TAKE_SCRIPT, GIVE_BACK_SCRIPT, ADJUST_SCRIPT, RAISE_SCRIPT];

function load(...names: readonly string[]): Script {
  const text = ["state.lua", ...names].map(read).join("\n");
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}

function read(name: string): string {
  return readFileSync(new URL(name, import.meta.url), "utf8");
}
