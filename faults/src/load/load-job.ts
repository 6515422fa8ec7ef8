// What the lab tells the process of the load generator.
import type { CastMember } from "./cast.ts";

export type LoadJob = Readonly<{
  /** Base URLs, asked in turn. */
  targets: readonly string[];
  /** With which the load proves itself. */
  headers: Readonly<Record<string, string>>;
  perSecond: number;
  cast: readonly CastMember[];
  seed: number;
  /** Keeps the request ids of several loads apart. */
  source: string;
  journalPath: string;
}>;

/** From the process, once it has sent nothing more, has every answer, and the journal is complete. */
export type LoadDone = Readonly<{ kind: "done" }>;
