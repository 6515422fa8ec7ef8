// What it costs to write usage down, as a curve: by how much changed in an interval, not by how much there is.
import type { Pace, Scenario } from "../scenario.ts";
import type { Snapshot, SnapshotOrder } from "../servers/snapshots.program.ts";
import { figureOf } from "../statistics.ts";

/** Shares of the tenants whose usage changes in an interval. */
const SHARES = [1, 0.1, 0.01, 0.001];
const INTERVALS = 5;

export const snapshots: Scenario = {
  name: "snapshots",
  about: "one interval's usage and quotas of 100 000 active tenants written to PostgreSQL (fewer in a quick pass)",
  run: async (world, pace) => {
    const databaseUrl = await (await world.postgres()).migratedDatabase();
    const child = await world.child(new URL("../servers/snapshots.program.ts", import.meta.url));
    const ask = async (changed: number) => {
      const done = await child.ask<Snapshot>({ databaseUrl, changed } satisfies SnapshotOrder);
      if (done.unwritten > 0) throw new Error(`${done.unwritten} rows were not written.`);
      return done;
    };
    // Everybody is active before anything is measured: the rows exist, in memory and in PostgreSQL.
    await ask(pace.manyTenants);
    const figures = [];
    for (const share of SHARES) {
      const changed = Math.round(pace.manyTenants * share);
      const measured: Snapshot[] = [];
      for (let interval = 0; interval < INTERVALS; interval += 1) measured.push(await ask(changed));
      figures.push(...figuresOf(changed, measured, pace));
    }
    return figures;
  },
};

function figuresOf(changed: number, measured: readonly Snapshot[], { manyTenants }: Pace) {
  const name = `${changed} of ${manyTenants} tenants changed`;
  return [
    figureOf(
      `${name}: written after`,
      "ms",
      measured.map(({ elapsedMs }) => elapsedMs),
    ),
    figureOf(
      `${name}: longest stay of the event loop`,
      "ms",
      measured.map(({ longestStayMs }) => longestStayMs),
    ),
  ];
}
