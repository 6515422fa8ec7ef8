// Folds refusals in memory, one line for each minute and everything that tells them apart, until they are written.
//
// Bounded, because who is refused chooses how often and under how many user ids: a tenant opens so many lines an hour, the
// process so many an hour and at a time. Beyond that a refusal grows the line of its tenant's others, which keeps reason
// and limit and, while nothing can be written, one line for all minutes. Should even those be too many, it is only
// counted. So at worst a tenant under attack costs 48 000 rows a day and process (about 20 MB), all tenants together
// ten times that, and memory about 10 MB, PostgreSQL there or not.
// A line that was drained stays known until its minute is over, so what is refused all minute long is one line, not twelve.
// Not here: writing lines (limit-hit-writer.job.ts).
import type { LimitHitTally } from "../platform/metrics-limit-hits.ts";
import { OTHER_USER } from "../usage/special-users.ts";
import { type LimitHit, type LimitHitLine, type LimitHitNotes, OTHER_API } from "./limit-hit.ts";

/** About 500 bytes each. */
export type LimitHitBounds = Readonly<{ lines: number; linesPerHour: number; tenantLinesPerHour: number }>;
const BOUNDS: LimitHitBounds = { lines: 10_000, linesPerHour: 20_000, tenantLinesPerHour: 2_000 };

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

export class LimitHitBuffer implements LimitHitNotes {
  readonly #bounds: LimitHitBounds;
  readonly #named = new Map<string, OpenLine>();
  readonly #folded = new Map<string, OpenLine>();
  /** Lines with hits that were not drained yet, the oldest first. */
  readonly #waiting = new Set<OpenLine>();
  readonly #tally = { named: 0, folded: 0, dropped: 0 };
  #hour = 0;
  #opened = 0;
  #openedByTenant = new Map<string, number>();

  constructor(bounds: LimitHitBounds = BOUNDS) {
    this.#bounds = bounds;
  }

  note(hit: LimitHit): void {
    const named = this.#namedLine(hit);
    if (named !== null) {
      this.#tally.named += 1;
      this.#add(named, hit);
      return;
    }
    const folded = this.#foldedLine(hit);
    if (folded !== null) {
      this.#tally.folded += 1;
      this.#add(folded, hit);
    } else this.#tally.dropped += 1;
  }

  /** What was noted since it was last drained, at most `most` lines; later hits of the same lines come with a later call. */
  drain(most: number): LimitHitLine[] {
    const drained: LimitHitLine[] = [];
    for (const line of this.#waiting) {
      if (drained.length === most) break;
      drained.push({ ...line });
      line.hits = 0;
      line.cost = 0;
      this.#waiting.delete(line);
    }
    return drained;
  }

  /** Lets go of drained lines whose minute is over. */
  forget(nowMs: number): void {
    for (const lines of [this.#named, this.#folded]) {
      for (const [key, line] of lines) {
        if (line.hits === 0 && line.minuteMs + MINUTE_MS <= nowMs) lines.delete(key);
      }
    }
  }

  /** Counts hits that were drained and could not be written for good. */
  lose(hits: number): void {
    this.#tally.dropped += hits;
  }

  /** Hits so far: with a line of their own, folded into their tenant's others, only counted. */
  tally(): LimitHitTally {
    return { ...this.#tally };
  }

  #add(line: OpenLine, { cost, atMs }: LimitHit): void {
    if (line.hits === 0) {
      line.firstMs = atMs;
      line.lastMs = atMs;
      this.#waiting.add(line);
    }
    line.hits += 1;
    line.cost += cost;
    if (atMs < line.firstMs) line.firstMs = atMs;
    if (atMs > line.lastMs) line.lastMs = atMs;
  }

  #namedLine(hit: LimitHit): OpenLine | null {
    const minuteMs = hit.atMs - (hit.atMs % MINUTE_MS);
    const key = `${minuteMs}\n${limitKey(hit)}\n${hit.api}\n${hit.user}`;
    const known = this.#named.get(key);
    if (known !== undefined) return known;
    if (this.#named.size >= this.#bounds.lines || !this.#mayOpen(hit)) return null;
    const line = openLine(hit, hit.api, hit.user, minuteMs);
    this.#named.set(key, line);
    return line;
  }

  #mayOpen({ tenant, atMs }: LimitHit): boolean {
    const hour = Math.floor(atMs / HOUR_MS);
    if (hour !== this.#hour) {
      this.#hour = hour;
      this.#opened = 0;
      this.#openedByTenant = new Map();
    }
    const ofTenant = this.#openedByTenant.get(tenant) ?? 0;
    if (this.#opened >= this.#bounds.linesPerHour || ofTenant >= this.#bounds.tenantLinesPerHour) return false;
    this.#opened += 1;
    this.#openedByTenant.set(tenant, ofTenant + 1);
    return true;
  }

  #foldedLine(hit: LimitHit): OpenLine | null {
    const key = limitKey(hit);
    const known = this.#folded.get(key);
    if (known !== undefined) return known;
    if (this.#folded.size >= this.#bounds.lines) return null;
    const line = openLine(hit, OTHER_API, OTHER_USER, hit.atMs - (hit.atMs % MINUTE_MS));
    this.#folded.set(key, line);
    return line;
  }
}

type OpenLine = { -readonly [Field in keyof LimitHitLine]: LimitHitLine[Field] };

/** No part of it holds a line break. */
function limitKey({ tenant, dayLabel, reason, window, policyId, scope }: LimitHit): string {
  return `${tenant}\n${dayLabel}\n${reason}\n${window}\n${policyId}\n${scope}`;
}

function openLine(hit: LimitHit, api: string, user: string, minuteMs: number): OpenLine {
  const { tenant, reason, window, policyId, scope, dayLabel, atMs } = hit;
  const sums = { minuteMs, hits: 0, cost: 0, firstMs: atMs, lastMs: atMs };
  return { tenant, user, api, reason, window, policyId, scope, dayLabel, ...sums };
}
