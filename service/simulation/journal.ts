// What was asked and answered, written down by whoever asked: the only thing beside the stores that invariants look at.
// Not here: what must hold of it (invariants.ts).
import type { Answer } from "../src/check/answer.ts";
import type { Ask } from "./plan.ts";

/** One start of one process, as far as it matters for what may be lost with it. */
export type ProcessRecord = {
  /** The owner of its rows. */
  readonly owner: string;
  end: "KILLED" | "STOPPED" | null;
  /** Frozen for a while: it answers late. */
  wasFrozen: boolean;
};

export type CheckRecord = {
  readonly ask: Ask;
  readonly process: ProcessRecord;
  readonly askedAtMs: number;
  answer: Answer["decision"] | null;
  answeredAtMs: number;
};

/** An admission by the store, as its reply said it. */
export type Counted = Readonly<{
  ask: Omit<Ask, "requestId">;
  shard: number;
  dayLabel: number;
  monthLabel: number;
  nowMs: number;
}>;

export class Journal {
  readonly processes: ProcessRecord[] = [];
  readonly checks: CheckRecord[] = [];
  readonly counted: Counted[] = [];
  /** Shards that forgot something, and those whose clock did not go evenly. */
  readonly forgetfulShards = new Set<number>();
  readonly unevenClocks = new Set<number>();
  databaseWasSetBack = false;
  /** Give-backs of which it is not known that they ran. */
  failedGiveBacks = 0;
  /** What operators asked for, whether or not it happened. */
  readonly adjustments: Readonly<{ tenant: string; user: string | null; amount: number | null }>[] = [];
  /** From here on limits are out of reach. */
  isQuiet = false;
  /** Of I1: what was admitted by period, and how many of `counted` are in it. */
  readonly admitted = new Map<string, number>();
  lookedAt = 0;
  /** What was found wrong while it went on. */
  readonly faults: string[] = [];

  asked(ask: Ask, process: ProcessRecord, nowMs: number): CheckRecord {
    const record = { ask, process, askedAtMs: nowMs, answer: null, answeredAtMs: 0 };
    this.checks.push(record);
    return record;
  }

  /** The sum of costs of those that fit. */
  cost(fits: (record: CheckRecord) => boolean): number {
    return this.checks.reduce((sum, record) => (fits(record) ? sum + record.ask.cost : sum), 0);
  }
}

/** Allowed, and charged: a repeated request was charged before. */
export function isCharged({ answer }: CheckRecord): boolean {
  return answer?.allowed === true && !answer.notes.includes("request_replayed");
}

export function isOfFallback({ answer }: CheckRecord): boolean {
  return (
    answer?.reason === "ALLOW_FALLBACK" || answer?.reason === "STATIC_FALLBACK" || answer?.reason === "BLOCK_FALLBACK"
  );
}
