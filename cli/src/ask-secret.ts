// Asks a person at the terminal for a secret. On stderr, because stdout is for data.
import { isCancel, password } from "@clack/prompts";
import { CommandFailure, EXIT } from "./exit-codes.ts";

export async function askUnseen(question: string): Promise<string> {
  const answer = await password({ message: question, mask: "", withGuide: false, output: process.stderr });
  if (isCancel(answer)) throw new CommandFailure(EXIT.usage, "Nothing was entered, and nothing was done.");
  return answer ?? "";
}
