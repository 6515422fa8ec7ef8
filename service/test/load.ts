// Callers of a stack, and the journal of every request, answer and time.
//
// Two kinds of load, both bounded: a crowd asks as fast as it is answered, a steady load asks so many times a second
// whatever is answered. Nothing is retried: what went wrong stands in the journal as a fault.
import { setTimeout as pause } from "node:timers/promises";
import type { CheckRequest, Decision, Reason } from "@sluice/contract";
import type { ServiceProcess } from "./service-process.ts";

export type Question = Readonly<{ service: ServiceProcess; check: CheckRequest }>;

/** One request and what became of it; times are this process's monotonic clock. */
export type Call = Readonly<{
  check: CheckRequest;
  sentMs: number;
  answeredMs: number;
  /** 0 when there was no answer. */
  status: number;
  /** Null when there was no answer, or none with status 200. */
  decision: Decision | null;
  /** What a call without a decision got instead. */
  fault: string | null;
}>;

/** A steady load looks for due requests this often. */
const TICK_MS = 5;
/** More unanswered requests than this are no load but a pile: the steady load stops asking until some are answered. */
const MAX_UNANSWERED = 2_000;

/** `callers` ask at once, each one question after the other, until `next` has none left for them. */
export async function crowd(
  callers: number,
  next: (caller: number) => Question | null,
  answered: (caller: number, call: Call) => void = () => undefined,
): Promise<Call[]> {
  const journal: Call[] = [];
  const caller = async (_: unknown, number: number) => {
    for (let question = next(number); question !== null; question = next(number)) {
      const done = await call(question);
      journal.push(done);
      answered(number, done);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return journal;
}

export type SteadyLoad = Readonly<{
  /** Grows while the load runs. */
  journal: readonly Call[];
  /** Asks no more; resolves with the journal when everything is answered. */
  stop: () => Promise<readonly Call[]>;
}>;

export function steadyLoad(perSecond: number, next: (number: number) => Question): SteadyLoad {
  const journal: Call[] = [];
  const startMs = performance.now();
  let asked = 0;
  let unanswered = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startMs) / 1_000) * perSecond);
    for (; asked < due && unanswered < MAX_UNANSWERED; asked += 1) {
      unanswered += 1;
      void call(next(asked)).then((done) => {
        unanswered -= 1;
        journal.push(done);
      });
    }
  }, TICK_MS);
  return {
    journal,
    stop: async () => {
      clearInterval(timer);
      while (unanswered > 0) await pause(TICK_MS);
      return journal;
    },
  };
}

async function call({ service, check }: Question): Promise<Call> {
  const sentMs = performance.now();
  const done = (status: number, decision: Decision | null, fault: string | null) => {
    return { check, sentMs, answeredMs: performance.now(), status, decision, fault };
  };
  try {
    const { status, text } = await service.post(check);
    return status === 200 ? done(status, JSON.parse(text) as Decision, null) : done(status, null, `${status} ${text}`);
  } catch (fault) {
    return done(0, null, fault instanceof Error ? fault.message : String(fault));
  }
}

/** The cost of all calls answered with `reason`. */
export function costWith(calls: readonly Call[], reason: Reason): number {
  return calls
    .filter(({ decision }) => decision?.reason === reason)
    .reduce((sum, { check }) => sum + (check.cost ?? 1), 0);
}

/** How many calls got which reason; calls without a decision stand under their fault. */
export function outcomes(calls: readonly Call[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { decision, fault } of calls) {
    const outcome = decision?.reason ?? fault ?? "";
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

/** Milliseconds from a request to its answer, as `share` (0..1) of the calls at most took; NaN without calls. */
export function latencyMs(calls: readonly Call[], share: number): number {
  const sorted = calls.map(({ sentMs, answeredMs }) => answeredMs - sentMs).sort((a, b) => a - b);
  return Math.round((sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN) * 10) / 10;
}
