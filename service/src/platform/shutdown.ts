// The orderly end of the process. Steps run one after another, the last added first, as parts were built.
// Promises: it runs once however often it is asked for; a step that fails or hangs does not keep the others from their
// turn; after `limitMs` the process ends whatever is still open. Exit code 0 = every step finished well, 1 = not.

export type Shutdown = Readonly<{
  /** Adds a step; it runs before all steps added earlier. */
  before: (name: string, step: () => Promise<void> | void) => void;
  /** Begins, or joins the end already begun. */
  run: (why: string) => Promise<void>;
}>;

export type ShutdownParts = Readonly<{
  /** For the whole end. */
  limitMs: number;
  exit: (code: number) => void;
  say: (what: string, detail?: unknown) => void;
}>;

/** One step may take this part of what is left, so that the steps after it have some. */
const SHARE_OF_ONE_STEP = 0.8;

export function createShutdown(parts: ShutdownParts): Shutdown {
  const steps: { name: string; step: () => Promise<void> | void }[] = [];
  let running: Promise<void> | null = null;
  return {
    before: (name, step) => {
      steps.unshift({ name, step });
    },
    run: (why) => {
      running ??= end(parts, steps, why);
      return running;
    },
  };
}

/** SIGTERM and SIGINT begin the end; a second one changes nothing, SIGKILL remains. */
export function shutdownOnSignals(shutdown: Shutdown): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void shutdown.run(signal));
}

async function end(
  { limitMs, exit, say }: ShutdownParts,
  steps: readonly { name: string; step: () => Promise<void> | void }[],
  why: string,
): Promise<void> {
  say(`stopping: ${why}`);
  const endMs = performance.now() + limitMs;
  // Even a step that never yields back to us in time is not waited for.
  const overdue = setTimeout(() => {
    say(`not everything was closed within ${limitMs} ms`);
    exit(1);
  }, limitMs);
  let clean = true;
  for (const { name, step } of steps) {
    const stepMs = Math.max(1, (endMs - performance.now()) * SHARE_OF_ONE_STEP);
    const failure = await within(step, stepMs);
    if (failure === null) continue;
    clean = false;
    say(`${name} was not closed well`, failure);
  }
  clearTimeout(overdue);
  exit(clean ? 0 : 1);
}

/** Null when the step finished well in time, else why not. */
async function within(step: () => Promise<void> | void, limitMs: number): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Error>((resolve) => {
    timer = setTimeout(() => resolve(new Error(`it took longer than ${Math.round(limitMs)} ms`)), limitMs);
  });
  try {
    return await Promise.race([Promise.resolve(step()).then(() => null), late]);
  } catch (cause) {
    return cause;
  } finally {
    clearTimeout(timer);
  }
}
