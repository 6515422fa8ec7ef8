// What the caller of the bench wants: which scenarios, how thorough, and where the figures go.
import { parseArgs } from "node:util";

export type BenchArguments = Readonly<{
  /** Names of scenarios; empty = all. */
  only: readonly string[];
  quick: boolean;
  out: string;
  /** A folder for CPU profiles of the service; null = none. A profiled service is slower: do not quote its figures. */
  profile: string | null;
}>;

const DEFAULT_OUT = "bench/results/local/latest.json";

export const USAGE = `npm run bench -- [--only NAME]... [--quick] [--out FILE] [--profile FOLDER]
  --only NAME        one scenario; may be repeated
  --quick            a few seconds each, to see that everything runs
  --out FILE         where the JSON goes (default ${DEFAULT_OUT})
  --profile FOLDER   writes a CPU profile of every service process there`;

/** The message is for the caller of the program. */
export class ArgumentFault extends Error {}

export function readArguments(words: readonly string[], scenarios: readonly string[]): BenchArguments {
  const { only = [], quick = false, out = DEFAULT_OUT, profile = null } = parse(words);
  const unknown = only.find((name) => !scenarios.includes(name));
  if (unknown !== undefined) {
    throw new ArgumentFault(`There is no scenario ${JSON.stringify(unknown)}: choose of ${scenarios.join(", ")}.`);
  }
  return { only, quick, out, profile };
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        only: { type: "string", multiple: true },
        quick: { type: "boolean" },
        out: { type: "string" },
        profile: { type: "string" },
      },
    }).values;
  } catch (fault) {
    throw new ArgumentFault(fault instanceof Error ? fault.message : String(fault));
  }
}
