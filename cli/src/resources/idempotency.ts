// A POST that may be sent again: under the same Idempotency-Key the service does it once and repeats its answer.
// Every POST carries a key. One whose answer is lost tells the user the key, so that trying again cannot do it twice.
import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import type { Answer, Api, Ask } from "../api/api.ts";
import { CommandFailure, EXIT } from "../exit-codes.ts";

export function withRepeatOption(command: Command): Command {
  return command.option("--idempotency-key <key>", "of an earlier try whose answer was lost");
}

export async function repeatable(api: Api, ask: Ask, given: string | undefined): Promise<Answer> {
  const key = given ?? randomUUID();
  try {
    return await api.ask({ ...ask, headers: { ...ask.headers, "idempotency-key": key } });
  } catch (fault) {
    if (!(fault instanceof CommandFailure && fault.exitCode === EXIT.unreachable)) throw fault;
    const advice = `It may have been done. To try again without doing it twice, add --idempotency-key ${key}`;
    throw new CommandFailure(fault.exitCode, `${fault.message}\n  ${advice}`, { cause: fault });
  }
}
