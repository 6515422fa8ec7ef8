// The instants of the journal as the store's clock told them, where a fault moves the clocks of Redis nodes. Pure.
//
// A calendar period is what the store's clock says, so for quotas a request is moved by as much as the clock was. A sliding
// window that finds its clock stepped back keeps its sums and goes on from there: nothing is counted under an earlier instant.
// So for rate limits a step back is no way back, and shifts only where buckets begin.
// A request that met a move may have run on either side of it, and is stretched over both.
import { type Entry, endedMs } from "../journal/entry.ts";
import { LATEST_RUN_MS } from "./history.ts";
import { SLIDING_MS } from "./period.ts";

export type ClockMove = Readonly<{
  /** The machine's UTC ms between which it came into force. */
  fromMs: number;
  toMs: number;
  /** From then on the clock that counts for these tenants is ahead of the machine's by this, or behind. */
  aheadMs: number;
  tenants: readonly string[];
}>;

export type Reading = "rate" | "quota";

/** Buckets of a second and of a minute begin alike after a shift by this. */
const COMMON_BUCKET_MS = 60_000;
/** Of its own length: so long a window that was moved to the present may refuse too much. */
const STRICT_WINDOWS = 2;

/** The same requests at the instants that count for limits of this kind. `moves` are in the order of time. */
export function asStoreSaw(entries: readonly Entry[], moves: readonly ClockMove[], reading: Reading): Entry[] {
  return withPhases(entries, moves, (entry, met) => shifted(entry, shiftsOf(met, reading), shiftsOf(met, reading)));
}

/** As above, but begun early enough to lie before whoever asked later, at a clock that had stepped back meanwhile. */
export function asLaterFound(entries: readonly Entry[], moves: readonly ClockMove[], reading: Reading): Entry[] {
  return withPhases(entries, moves, (entry, met, later) =>
    shifted(entry, shiftsOf([...met, ...later], reading), shiftsOf(met, reading)),
  );
}

/** Whether a sliding window refused it so soon after a step back that it may have been too strict. */
export function mayBeTooStrict(entry: Entry, moves: readonly ClockMove[]): boolean {
  const windowMs = entry.refuser === null ? undefined : SLIDING_MS[entry.refuser.window];
  if (windowMs === undefined) return false;
  const phases = phasesOf(entry.tenant, moves);
  return phases.some(
    ({ fromMs, startedMs, stepMs }) =>
      stepMs < 0 && endedMs(entry) >= fromMs && entry.sentMs <= startedMs + STRICT_WINDOWS * windowMs,
  );
}

/** Between two moves. It begins at the latest at `startedMs`, and overlaps with its neighbours while clocks were moved. */
type Phase = Readonly<{ fromMs: number; startedMs: number; untilMs: number; stepMs: number } & Record<Reading, number>>;

function phasesOf(tenant: string, moves: readonly ClockMove[]): Phase[] {
  const mine = moves.filter(({ tenants }) => tenants.includes(tenant));
  const untilMs = (index: number) => mine[index]?.toMs ?? Number.POSITIVE_INFINITY;
  const never = Number.NEGATIVE_INFINITY;
  const phases: Phase[] = [{ fromMs: never, startedMs: never, untilMs: untilMs(0), stepMs: 0, rate: 0, quota: 0 }];
  for (const [index, { fromMs, toMs, aheadMs }] of mine.entries()) {
    const { rate = 0, quota = 0 } = phases.at(-1) ?? {};
    const stepMs = aheadMs - quota;
    const rateStepMs = stepMs >= 0 ? stepMs : ((stepMs % COMMON_BUCKET_MS) + COMMON_BUCKET_MS) % COMMON_BUCKET_MS;
    const shift = { rate: rate + rateStepMs, quota: aheadMs };
    phases.push({ fromMs, startedMs: toMs, untilMs: untilMs(index + 1), stepMs, ...shift });
  }
  return phases;
}

function withPhases(
  entries: readonly Entry[],
  moves: readonly ClockMove[],
  change: (entry: Entry, met: readonly Phase[], later: readonly Phase[]) => Entry,
): Entry[] {
  const known = new Map<string, readonly Phase[]>();
  return entries.map((entry) => {
    const phases = known.get(entry.tenant) ?? phasesOf(entry.tenant, moves);
    known.set(entry.tenant, phases);
    const lastRunMs = endedMs(entry) + (entry.reason === "OK" ? 0 : LATEST_RUN_MS);
    const met = phases.filter(({ fromMs, untilMs }) => lastRunMs >= fromMs && entry.sentMs <= untilMs);
    return change(
      entry,
      met,
      phases.filter(({ fromMs }) => fromMs > lastRunMs),
    );
  });
}

function shiftsOf(phases: readonly Phase[], reading: Reading): number[] {
  return phases.map((phase) => phase[reading]);
}

/** Begun at the least of the first, ended at the greatest of the second. */
function shifted(entry: Entry, begun: readonly number[], ended: readonly number[]): Entry {
  const sentMs = entry.sentMs + Math.min(...begun);
  return { ...entry, sentMs, tookMs: endedMs(entry) + Math.max(...ended) - sentMs };
}
