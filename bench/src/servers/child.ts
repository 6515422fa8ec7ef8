// A program of the bench in a process of its own, which answers messages and ends with the bench.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export type Child = Readonly<{
  pid: number;
  /** Sends a message and resolves with the next one that comes back. One at a time. */
  ask: <Answer>(message: unknown) => Promise<Answer>;
  stop: () => Promise<void>;
}>;

/** The program must end on `disconnect`: that is how it is stopped, and how it notices the end of the bench. */
export async function startChild(program: URL, nodeArguments: readonly string[]): Promise<Child> {
  const child = fork(fileURLToPath(program), [], { execArgv: [...nodeArguments] });
  const ended = once(child, "exit");
  await once(child, "spawn");
  return {
    pid: child.pid ?? 0,
    ask: async <Answer>(message: unknown) => {
      const died = ended.then(([code, signal]) => {
        throw new Error(`${program.pathname} ended with ${code ?? signal}.`);
      });
      const answered = once(child, "message");
      child.send(message as object);
      const [answer] = await Promise.race([answered, died]);
      return answer as Answer;
    },
    stop: async () => {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
