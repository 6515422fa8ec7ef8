// Counts the live workers of the whole deployment in Redis: each says every few seconds that it lives, under one key.
// Promise: while Redis is away the figures stand still, so an outage makes no worker believe that it is alone.
// Not here: what a share of a limit is (share.ts).
import { randomBytes } from "node:crypto";
import type { WorkerCensus } from "./worker-census.ts";

const BEAT_MS = 2_000;
/** A worker that was silent for so long is gone. */
const SILENT_MS = 3 * BEAT_MS;
/** How far back the largest number is looked for. */
const LATELY_MS = 600_000;
const KEPT_FIGURES = LATELY_MS / BEAT_MS;
/** The census has a slot of its own; no tenant id may begin with `~`. */
const TAG = "~workers";

export type Store = Readonly<{
  command: (tag: string, args: string[]) => Promise<unknown>;
  /** The store's clock, UTC ms. */
  nowMs: () => number;
}>;

export type RunningCensus = WorkerCensus & Readonly<{ close: () => Promise<void> }>;

export function startCensus(store: Store, keyPrefix: string): RunningCensus {
  const key = `${keyPrefix}{${TAG}}`;
  const id = randomBytes(8).toString("hex");
  const figures: number[] = [];
  let rank = Number.parseInt(id.slice(0, 8), 16);

  const beat = async () => {
    const nowMs = store.nowMs();
    await store.command(TAG, ["ZADD", key, String(nowMs), id]);
    const [, , live] = await Promise.all([
      store.command(TAG, ["ZREMRANGEBYSCORE", key, "-inf", String(nowMs - SILENT_MS)]),
      store.command(TAG, ["PEXPIRE", key, String(LATELY_MS)]),
      store.command(TAG, ["ZRANGE", key, "0", "-1"]),
    ]);
    if (!Array.isArray(live)) return;
    const ids = live.map(String).sort();
    if (ids.includes(id)) rank = ids.indexOf(id);
    figures.push(ids.length);
    if (figures.length > KEPT_FIGURES) figures.shift();
  };
  const beatOrStandStill = () => void beat().catch(() => undefined);
  const timer = setInterval(beatOrStandStill, BEAT_MS);
  beatOrStandStill();

  return {
    largestLately: () => Math.max(1, ...figures),
    ordinal: () => rank,
    close: async () => {
      clearInterval(timer);
      await store.command(TAG, ["ZREM", key, id]).catch(() => undefined);
    },
  };
}
