// A line of the journal: one request of the load and what became of it, or a stall of the generator itself. Pure.
//
// Promise: every request that was begun has exactly one line, whatever became of it; a line says all that the checker may
// know. Times are UTC milliseconds of this machine's clock, which is the counter store's too; durations are monotonic.
// Not here: writing lines to a file (journal-file.ts).
import { REASONS, type Reason, SCOPES, type Scope, WINDOWS, type Window } from "@sluice/contract";

/** Which limit an answer named as the one that refused. */
export type Refuser = Readonly<{ scope: Scope; window: Window }>;

export type Entry = Readonly<{
  kind: "request";
  tenant: string;
  /** Null for the anonymous user. */
  user: string | null;
  path: string;
  cost: number;
  requestId: string | null;
  sentMs: number;
  /** How much later than it was due it was sent, which is the generator's own fault. */
  lateMs: number;
  /** From sending to the answer, or to giving up; retries are within. */
  tookMs: number;
  retries: number;
  /** HTTP; 0 when there was no answer. */
  status: number;
  /** Null when there was no decision: no answer, or one of another kind. */
  reason: Reason | null;
  allowed: boolean;
  refuser: Refuser | null;
  notes: readonly string[];
  /** What a request without a decision got instead, short. */
  fault: string | null;
}>;

/** The generator stood still: what it sent or received meanwhile looks slower than it was. */
export type Stall = Readonly<{ kind: "stall"; fromMs: number; toMs: number }>;

export type JournalLine = Entry | Stall;
export type Journal = Readonly<{ entries: readonly Entry[]; stalls: readonly Stall[] }>;

export function endedMs({ sentMs, tookMs }: Entry): number {
  return sentMs + tookMs;
}

export function lineOf(line: JournalLine): string {
  return `${JSON.stringify(line)}\n`;
}

/** Throws on a line that is none: a journal that cannot be read proves nothing. */
export function parseJournal(text: string): Journal {
  const lines = text.split("\n").filter((line) => line !== "");
  const parsed = lines.map((line, index) => parseLine(line, index + 1));
  return {
    entries: parsed.filter((line) => line.kind === "request").toSorted((one, other) => one.sentMs - other.sentMs),
    stalls: parsed.filter((line) => line.kind === "stall"),
  };
}

export function joinJournals(journals: readonly Journal[]): Journal {
  return {
    entries: journals.flatMap(({ entries }) => entries).toSorted((one, other) => one.sentMs - other.sentMs),
    stalls: journals.flatMap(({ stalls }) => stalls),
  };
}

function parseLine(text: string, number: number): JournalLine {
  const line = JSON.parse(text) as JournalLine;
  const isKnown = line.kind === "stall" || (line.kind === "request" && isDecided(line));
  if (!isKnown) throw new Error(`Line ${number} of the journal is of no known kind: make the journal anew.`);
  return line;
}

function isDecided({ reason, refuser }: Entry): boolean {
  const reasonIsKnown = reason === null || REASONS.includes(reason);
  return reasonIsKnown && (refuser === null || (SCOPES.includes(refuser.scope) && WINDOWS.includes(refuser.window)));
}
