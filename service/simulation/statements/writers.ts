// usage/usage-writers.pg.ts, as functions of the model's state with the names and arguments of the real ones.
import type { RebuildablePool } from "../../src/platform/pool.ts";
import type { Claimed } from "../../src/usage/usage-writers.pg.ts";
import type { Writer } from "../model-postgres.ts";
import { linkOf } from "../postgres-link.ts";
import { SYSTEM_ID } from "../tenants.ts";

const NEW_WRITER: Writer = { flushedAtMs: 0, ended: null, harvestUntilMs: 0, harvestedAtMs: 0 };

export function beat(pool: RebuildablePool, incarnations: readonly string[], timeoutMs: number): Promise<Claimed[]> {
  return linkOf(pool).run(({ writers }, nowMs) => {
    return incarnations.map((incarnation) => {
      const writer = { ...(writers.get(incarnation) ?? NEW_WRITER), flushedAtMs: nowMs, ended: null };
      writers.set(incarnation, writer);
      return { incarnation, until: writer.harvestUntilMs === 0 ? null : String(writer.harvestUntilMs) };
    });
  }, timeoutMs);
}

export function closeWriters(
  pool: RebuildablePool,
  incarnations: readonly string[],
  history: string | null,
  timeoutMs: number,
): Promise<string> {
  return linkOf(pool).run(({ timeline, writers }, nowMs) => {
    const present = `${SYSTEM_ID} ${timeline}`;
    for (const incarnation of present === history ? incarnations : []) {
      writers.set(incarnation, { ...(writers.get(incarnation) ?? NEW_WRITER), flushedAtMs: nowMs, ended: "CLOSED" });
    }
    return present;
  }, timeoutMs);
}

export function silentWriters(pool: RebuildablePool, silentForMs: number, timeoutMs: number): Promise<string[]> {
  return linkOf(pool).run(({ writers }, nowMs) => {
    return [...writers]
      .filter(([, writer]) => isSilent(writer, nowMs, silentForMs))
      .map(([incarnation]) => incarnation);
  }, timeoutMs);
}

export function claimWriter(
  pool: RebuildablePool,
  incarnation: string,
  forMs: number,
  timeoutMs: number,
): Promise<boolean> {
  return linkOf(pool).run(({ writers }, nowMs) => {
    const writer = writers.get(incarnation);
    if (writer === undefined || writer.ended !== null || writer.harvestUntilMs >= nowMs) return false;
    writers.set(incarnation, { ...writer, harvestUntilMs: nowMs + forMs });
    return true;
  }, timeoutMs);
}

export function unclaimWriter(pool: RebuildablePool, incarnation: string, timeoutMs: number): Promise<void> {
  return linkOf(pool).run(({ writers }, nowMs) => {
    const writer = writers.get(incarnation);
    if (writer !== undefined) writers.set(incarnation, { ...writer, harvestUntilMs: nowMs });
  }, timeoutMs);
}

export function markHarvested(
  pool: RebuildablePool,
  incarnation: string,
  silentForMs: number,
  timeoutMs: number,
): Promise<void> {
  return linkOf(pool).run(({ writers }, nowMs) => {
    const writer = writers.get(incarnation);
    if (writer === undefined || !isSilent(writer, nowMs, silentForMs)) return;
    writers.set(incarnation, { ...writer, ended: "HARVESTED", harvestedAtMs: nowMs });
  }, timeoutMs);
}

export function harvestedLongAgo(
  pool: RebuildablePool,
  incarnations: readonly string[],
  limit: number,
  timeoutMs: number,
): Promise<string[]> {
  return linkOf(pool).run(({ writers }, nowMs) => {
    const due = incarnations.filter((incarnation) => {
      const { ended, harvestedAtMs, flushedAtMs } = writers.get(incarnation) ?? NEW_WRITER;
      return ended === "HARVESTED" && harvestedAtMs + (harvestedAtMs - flushedAtMs) < nowMs;
    });
    return due.slice(0, limit);
  }, timeoutMs);
}

export function markHarvestedAgain(pool: RebuildablePool, incarnation: string, timeoutMs: number): Promise<void> {
  return linkOf(pool).run(({ writers }, nowMs) => {
    const writer = writers.get(incarnation);
    if (writer?.ended === "HARVESTED") writers.set(incarnation, { ...writer, harvestedAtMs: nowMs });
  }, timeoutMs);
}

export function claimSearch(pool: RebuildablePool, everyMs: number, timeoutMs: number): Promise<boolean> {
  return linkOf(pool).run((state, nowMs) => {
    if (state.searchedAtMs > nowMs - everyMs) return false;
    state.searchedAtMs = nowMs;
    return true;
  }, timeoutMs);
}

export function registerWriters(
  pool: RebuildablePool,
  incarnations: readonly string[],
  timeoutMs: number,
): Promise<void> {
  return linkOf(pool).run(({ writers }, nowMs) => {
    for (const incarnation of incarnations) {
      if (!writers.has(incarnation)) writers.set(incarnation, { ...NEW_WRITER, flushedAtMs: nowMs });
    }
  }, timeoutMs);
}

export function isSilent({ ended, flushedAtMs }: Writer, nowMs: number, silentForMs: number): boolean {
  return ended === null && flushedAtMs < nowMs - silentForMs;
}
