// What the caller of the lab wants: which faults, how often, and where the results go.
import { parseArgs } from "node:util";

export type LabArguments = Readonly<{
  /** Ids of faults; empty = all. */
  only: readonly string[];
  /** Of each fault. */
  runs: number;
  /** The faults of CI, once each. */
  short: boolean;
  /** Checks per second. */
  rate: number;
  /** Where the JSON goes. */
  json: string;
  /** Puts each fault into docs/reliability.md, in the place of what that says of it. */
  publish: boolean;
}>;

/** Also the least that is published: of fewer there is no median. */
const DEFAULT_RUNS = 3;
const DEFAULT_RATE = 240;
const DEFAULT_JSON = ".test-results/faults.json";
const MOST = 1_000_000;

export const USAGE = `npm run faults -- [--only F1,F9] [--runs N] [--short] [--rate N] [--json FILE] [--publish]
  --only IDS     these faults; without it, all
  --runs N       of each fault (default ${DEFAULT_RUNS})
  --short        a few faults, once each: what CI runs
  --rate N       checks per second (default ${DEFAULT_RATE})
  --json FILE    where the figures go (default ${DEFAULT_JSON})
  --publish      puts them into docs/reliability.md, each in the place of what that says of it`;

/** The message is for the caller of the program. */
export class ArgumentFault extends Error {}

export function readArguments(words: readonly string[], faults: readonly string[]): LabArguments {
  const { only = "", runs, short = false, rate, json = DEFAULT_JSON, publish = false } = parse(words);
  const ids = only.split(",").filter((id) => id !== "");
  const unknown = ids.find((id) => !faults.includes(id));
  if (unknown !== undefined) throw new ArgumentFault(`There is no fault ${unknown}: choose of ${faults.join(", ")}.`);
  const wanted = wholeNumber("--runs", runs, short ? 1 : DEFAULT_RUNS);
  if (publish && wanted < DEFAULT_RUNS)
    throw new ArgumentFault(`--publish needs ${DEFAULT_RUNS} runs of each fault or more, not ${wanted}: give --runs.`);
  return {
    only: ids,
    runs: wanted,
    short,
    rate: wholeNumber("--rate", rate, DEFAULT_RATE),
    json,
    publish,
  };
}

function wholeNumber(name: string, text: string | undefined, absent: number): number {
  if (text === undefined) return absent;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= MOST) return value;
  throw new ArgumentFault(`${name} is ${JSON.stringify(text)}: give a whole number from 1 to ${MOST}.`);
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        only: { type: "string" },
        runs: { type: "string" },
        short: { type: "boolean" },
        rate: { type: "string" },
        json: { type: "string" },
        publish: { type: "boolean" },
      },
    }).values;
  } catch (fault) {
    throw new ArgumentFault(fault instanceof Error ? fault.message : String(fault));
  }
}
