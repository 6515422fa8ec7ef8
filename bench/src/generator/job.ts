// What the bench asks of the load generator's process, and what it answers: the messages between the two.
import type { Quantiles } from "../statistics.ts";

export type Protocol = "http" | "resp";

/** Requests are sent in turn. Texts hold one character per byte, as messages between processes are JSON. */
type Load = Readonly<{
  port: number;
  protocol: Protocol;
  requests: readonly string[];
  connections: number;
  seconds: number;
}>;
export type OpenLoad = Load & Readonly<{ perSecond: number; seed: number }>;
/** What every good reply contains. */
type Expecting = Readonly<{ expect: string }>;

export type ClosedJob = Load & Expecting & Readonly<{ kind: "closed" }>;
export type OpenJob = OpenLoad & Expecting & Readonly<{ kind: "open" }>;
/** `stallsFile`: where the generator writes down its own stalls; see stalls/. */
export type JournalJob = OpenLoad & Readonly<{ kind: "journal"; stallsFile: string }>;
export type Job = ClosedJob | OpenJob | JournalJob;

/** `unexpected` replies lack what was expected; `sample` is the first of them. */
type Replies = Readonly<{ completed: number; unexpected: number; sample: string }>;

/** `elapsedSeconds` ends with the last reply; `generatorMs` is the CPU time of the generator meanwhile. */
export type ClosedResult = Replies & Readonly<{ elapsedSeconds: number; generatorMs: number }>;

/** Milliseconds. `latency` counts from when a request was due; `lateness` is the generator's own part of it. */
export type OpenResult = Replies & Readonly<{ latency: Quantiles; lateness: Quantiles }>;

/** One request. Instants of the clock that all processes share; `noticedMs` is when the generator came to it. */
export type Told = Readonly<{ dueMs: number; noticedMs: number; answeredMs: number; outcome: string }>;

export type JobAnswer =
  | Readonly<{ kind: "closed"; result: ClosedResult }>
  | Readonly<{ kind: "open"; result: OpenResult }>
  | Readonly<{ kind: "journal"; result: readonly Told[] }>
  | Readonly<{ kind: "failed"; message: string }>;
