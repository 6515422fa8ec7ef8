// Writes down the usage that dead processes left in the store. Any instance may do it for any process.
//
// A writer is dead when it was not heard of for two intervals, while we ourselves have been writing for two intervals: after
// an outage of PostgreSQL everybody looks dead, until everybody has had the time to write.
// Promise: idempotent at every step. Totals are absolute, the greater wins; a writer counts as harvested only after every
// hash of it was found and written; one that was only frozen goes on where it was, and retracts what was written of it that
// it had not acknowledged (own-rows.job.ts). Two harvesters of one writer do no harm, a claim keeps them from it. Nobody waits
// for it.
// A process may live and die while PostgreSQL is away, and never be in the register of writers: the store is searched for
// such usage now and then, by one of all instances. A process may also have been taken for dead because PostgreSQL was out
// of its reach alone, take on, and die before it is heard of again: with a search, some of the harvested whose usage is
// still in the store are looked at again, ever more rarely (usage-writers.pg.ts).
// Known gaps: what the store lost, too, is lost. So is what a process counts that takes on unheard of for a day, the life
// of a harvested hash, and opens no new row of usage meanwhile.
// Not here: where the store has it (counters/usage-hashes.redis.ts), the register (usage-writers.pg.ts).
import type { UsageHash, UsageHashes } from "../counters/usage-hashes.redis.ts";
import type { RebuildablePool } from "../platform/pool.ts";
import type { UsageTotal } from "./total-rows.ts";
import {
  claimSearch,
  claimWriter,
  harvestedLongAgo,
  markHarvested,
  markHarvestedAgain,
  registerWriters,
  silentWriters,
  unclaimWriter,
} from "./usage-writers.pg.ts";
import { MAX_TOTALS, writeHarvest } from "./write-totals.pg.ts";

const SILENT_INTERVALS = 2;
const TIMEOUT_MS = 5_000;
/** Longer than a harvest takes: 200 000 rows in chunks of 500. */
const CLAIM_MS = 60_000;
/** Of the whole store. Usage stays in it for a week, and its day open for more than one. */
const SEARCH_EVERY_MS = 600_000;
/** Of one search: each is a scan of the whole store, and whoever died just now comes first. */
const MAX_AGAIN = 8;

export type HarvestParts = Readonly<{
  pool: RebuildablePool;
  /** Null where the store is inside the process, and dies with it: then there is nothing to find. */
  hashes: UsageHashes | null;
  /** Of writing totals, in every process. */
  intervalMs: number;
  searchEveryMs?: number;
  /** Everything of a dead process is written down; these are the tenants it had usage of. */
  onHarvested: (tenants: readonly string[]) => void;
  /** Told when harvesting begins to fail; it is tried again with every run. */
  onFault: (fault: unknown) => void;
}>;

export type Harvest = Readonly<{
  /** To be called each time everything of this process was written down. Resolves when what is found now is harvested. */
  run: () => Promise<void>;
  close: () => Promise<void>;
}>;

export function createHarvest(parts: HarvestParts): Harvest {
  const { pool, hashes, intervalMs, searchEveryMs = SEARCH_EVERY_MS, onHarvested, onFault } = parts;
  const silentForMs = SILENT_INTERVALS * intervalMs;
  let writingSinceMs = Number.POSITIVE_INFINITY;
  let lastRunMs = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | null = null;
  let isClosed = false;
  let isFailing = false;

  const write = async (incarnation: string, found: readonly UsageTotal[]) => {
    for (let at = 0; at < found.length && !isClosed; at += MAX_TOTALS) {
      const rows = found.slice(at, at + MAX_TOTALS);
      await writeHarvest(pool, { incarnation, rows, silentForMs }, TIMEOUT_MS);
    }
  };
  /** The tenants it had usage of; null when it was broken off. */
  const collect = async (incarnation: string): Promise<readonly string[] | null> => {
    const tenants = new Set<string>();
    let found: UsageHash[] = [];
    let rows: UsageTotal[] = [];
    const settle = async () => {
      await write(incarnation, rows);
      if (!isClosed) await Promise.all(found.map((hash) => hash.letRunOut()));
      [found, rows] = [[], []];
    };
    for await (const hash of hashes?.of(incarnation) ?? []) {
      tenants.add(hash.tenant);
      found.push(hash);
      rows = rows.concat(totalsOf(incarnation, hash));
      if (rows.length >= MAX_TOTALS) await settle();
      if (isClosed) return null;
    }
    await settle();
    return isClosed ? null : [...tenants];
  };
  /** False when it was broken off. */
  const harvest = async (incarnation: string): Promise<boolean> => {
    const tenants = await collect(incarnation);
    if (tenants === null) return false;
    await markHarvested(pool, incarnation, silentForMs, TIMEOUT_MS);
    onHarvested(tenants);
    return true;
  };
  const harvestAll = async () => {
    for (const incarnation of await silentWriters(pool, silentForMs, TIMEOUT_MS)) {
      if (isClosed) return;
      if (!(await claimWriter(pool, incarnation, CLAIM_MS, TIMEOUT_MS))) continue;
      let isDone = false;
      try {
        isDone = await harvest(incarnation);
      } finally {
        if (!isDone) await unclaimWriter(pool, incarnation, TIMEOUT_MS).catch(() => undefined);
      }
    }
  };
  const search = async () => {
    if (hashes === null || isClosed || !(await claimSearch(pool, searchEveryMs, TIMEOUT_MS))) return;
    const found = [...(await hashes.incarnations())];
    await registerWriters(pool, found, TIMEOUT_MS);
    for (const incarnation of await harvestedLongAgo(pool, found, MAX_AGAIN, TIMEOUT_MS)) {
      if ((await collect(incarnation)) === null) return;
      await markHarvestedAgain(pool, incarnation, TIMEOUT_MS);
    }
  };
  const attempt = async () => {
    try {
      await harvestAll();
      await search();
      isFailing = false;
    } catch (fault) {
      if (!isFailing) onFault(fault);
      isFailing = true;
    }
  };
  return {
    run: () => {
      const nowMs = performance.now();
      if (nowMs - lastRunMs > silentForMs) writingSinceMs = nowMs;
      lastRunMs = nowMs;
      if (isClosed || nowMs - writingSinceMs < silentForMs) return Promise.resolve();
      running ??= attempt().finally(() => {
        running = null;
      });
      return running;
    },
    close: async () => {
      isClosed = true;
      await running;
    },
  };
}

/** What is no row of usage is left out: a total that was given back to nothing, too. */
function totalsOf(incarnation: string, { tenant, fields }: UsageHash): UsageTotal[] {
  const owned = { tenant, incarnation, source: "STORE", retracted: 0 } as const;
  return Array.from(fields).flatMap(([field, total]) => {
    const [dayLabel, usageApi, user, ...more] = field.split("\n");
    if (dayLabel === undefined || usageApi === undefined || user === undefined || more.length > 0) return [];
    return total > 0 ? [{ ...owned, dayLabel: Number(dayLabel), usageApi, user, total }] : [];
  });
}
