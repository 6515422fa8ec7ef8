// Runs a command line inside a test and keeps what it said.
import { runSluice } from "../src/main.ts";
import type { Terminal } from "../src/terminal.ts";

export type Run = Readonly<{
  exitCode: number;
  data: string;
  talk: string;
  /** Every line of progress, in order. */
  progress: readonly string[];
}>;

/** What a person at a terminal has, where a test needs some of it. */
export type Person = Readonly<Partial<Pick<Terminal, "wantsTables" | "askSecret">> & { watches?: boolean }>;

export async function runForTest(
  words: readonly string[],
  environment: Record<string, string> = {},
  { wantsTables = false, askSecret = null, watches = false }: Person = {},
): Promise<Run> {
  const data: string[] = [];
  const talk: string[] = [];
  const progress: string[] = [];
  const exitCode = await runSluice(words, {
    wantsTables,
    environment,
    askSecret,
    print: (text) => void data.push(`${text}\n`),
    write: async (chunk) => void data.push(chunk),
    say: (text) => void talk.push(text),
    progress: watches ? (text) => void progress.push(text) : null,
  });
  return { exitCode, data: data.join("").replace(/\n$/, ""), talk: talk.join("\n"), progress };
}
