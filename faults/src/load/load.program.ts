// The load generator's process: an open loop. It asks at the job's rate whatever is answered, and journals every request.
//
// Told its job by a message, and to stop by a second one: then it asks no more, waits for what is open, and completes the
// journal. A lab that dies disconnects, which is told to stop as well.
import { createJournalFile } from "../journal/journal-file.ts";
import type { LoadDone, LoadJob } from "./load-job.ts";
import { requestsOf, seededRandom } from "./requests.ts";
import { createSender } from "./sender.ts";

/** The grain of timers: a request may be sent this much late without a stall. */
const GRAIN_MS = 1;
/** A timer that comes this much late was kept by a stall. */
const LEAST_STALL_MS = 10;
/** More open requests than this are no load but a pile. */
const MAX_OPEN = 5_000;
const OPEN_PAUSE_MS = 5;

process.once("message", (job: LoadJob) => {
  const stopped = new Promise<void>((resolve) => {
    process.once("message", () => resolve());
    process.once("disconnect", () => resolve());
  });
  void generate(job, stopped).then(() => {
    const done: LoadDone = { kind: "done" };
    if (!process.connected) return;
    process.send?.(done, undefined, undefined, () => process.disconnect?.());
  });
});

async function generate(job: LoadJob, stopped: Promise<void>): Promise<void> {
  const journal = createJournalFile(job.journalPath);
  const sender = createSender(job.targets, job.headers);
  const next = requestsOf(job.cast, job.seed, job.source);
  const random = seededRandom(job.seed + 1);
  // A Poisson process: real callers do not ask in step.
  const gapMs = () => (-Math.log(1 - random()) * 1_000) / job.perSecond;
  let number = 0;
  let open = 0;
  let dueAtMs = performance.now() + gapMs();

  const ask = async (lateMs: number) => {
    const check = next();
    const sentMs = Date.now();
    const sentAtMs = performance.now();
    number += 1;
    open += 1;
    const outcome = await sender.send(check, number);
    open -= 1;
    const { tenantId: tenant, userId = null, apiPath: path, cost = 1, requestId = null } = check;
    const times = { sentMs, lateMs: rounded(lateMs), tookMs: rounded(performance.now() - sentAtMs) };
    journal.append({ kind: "request", tenant, user: userId, path, cost, requestId, ...times, ...outcome });
  };
  const askWhatIsDue = (timerAtMs: number) => {
    const nowMs = performance.now();
    const stalledMs = nowMs - timerAtMs;
    if (stalledMs > LEAST_STALL_MS) journal.append({ kind: "stall", fromMs: Date.now() - stalledMs, toMs: Date.now() });
    for (; dueAtMs <= nowMs && open < MAX_OPEN; dueAtMs += gapMs()) void ask(nowMs - dueAtMs);
    timer = armed();
  };
  // Woken for a request and not each millisecond: a process that wakes takes the core from those that it asks.
  const armed = () => {
    const waitMs = Math.max(GRAIN_MS, Math.ceil(dueAtMs - performance.now()));
    return setTimeout(askWhatIsDue, waitMs, performance.now() + waitMs);
  };
  let timer = armed();

  await stopped;
  clearTimeout(timer);
  while (open > 0) await new Promise((resolve) => setTimeout(resolve, OPEN_PAUSE_MS));
  sender.close();
  await journal.close();
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
