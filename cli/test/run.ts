// Runs a command line inside a test and keeps what it said.
import { runSluice } from "../src/main.ts";

export type Run = Readonly<{ exitCode: number; data: string; talk: string }>;

export async function runForTest(words: readonly string[], environment: Record<string, string> = {}): Promise<Run> {
  const data: string[] = [];
  const talk: string[] = [];
  const exitCode = await runSluice(words, {
    wantsTables: false,
    environment,
    print: (text) => void data.push(text),
    say: (text) => void talk.push(text),
  });
  return { exitCode, data: data.join("\n"), talk: talk.join("\n") };
}
