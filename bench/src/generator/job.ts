// What the bench asks of the load generator's process, and what it answers: the messages between the two.

export type Protocol = "http" | "resp";

/** Requests are sent in turn. Texts hold one character per byte, as messages between processes are JSON. */
type Load = Readonly<{
  port: number;
  protocol: Protocol;
  requests: readonly string[];
  /** What every good reply contains. */
  expect: string;
  connections: number;
  seconds: number;
}>;

export type ClosedJob = Load & Readonly<{ kind: "closed" }>;
export type OpenJob = Load & Readonly<{ kind: "open"; perSecond: number; seed: number }>;
export type Job = ClosedJob | OpenJob;

/** `unexpected` replies lack what was expected; `sample` is the first of them. */
type Replies = Readonly<{ completed: number; unexpected: number; sample: string }>;

/** `elapsedSeconds` ends with the last reply; `generatorMs` is the CPU time of the generator meanwhile. */
export type ClosedResult = Replies & Readonly<{ elapsedSeconds: number; generatorMs: number }>;

export type Quantiles = Readonly<{ p50: number; p95: number; p99: number; p999: number; greatest: number }>;

/** Milliseconds. `latency` counts from when a request was due; `lateness` is the generator's own part of it. */
export type OpenResult = Replies & Readonly<{ latency: Quantiles; lateness: Quantiles }>;

export type JobAnswer =
  | Readonly<{ kind: "closed"; result: ClosedResult }>
  | Readonly<{ kind: "open"; result: OpenResult }>
  | Readonly<{ kind: "failed"; message: string }>;
