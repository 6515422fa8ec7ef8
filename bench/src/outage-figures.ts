// The figures of outages: for each phase how many checks, what they were answered, and how long they took.
import type { Told } from "./generator/job.ts";
import { type Fault, fallbackAnswers, firstOkMs, isClear, phasesOf, type Round } from "./outage-phases.ts";
import { atMost, type Figure } from "./scenario.ts";
import { type Stall, stalledMs } from "./stalls/stalls.ts";
import { figureOf, type Quantiles, quantilesOf, single } from "./statistics.ts";

export type Stalls = Readonly<{ service: readonly Stall[]; generator: readonly Stall[] }>;

/** `rate` names what they are of; `goalMs` is for the P99 of every phase. */
export function outageFigures(rate: string, rounds: readonly Round[], stalls: Stalls, goalMs: number): Figure[] {
  const all = [...stalls.service, ...stalls.generator];
  const phases = new Map<string, Told[]>();
  for (const round of rounds) {
    for (const [name, checks] of phasesOf(round)) phases.set(name, [...(phases.get(name) ?? []), ...checks]);
  }
  return [
    ...[...phases].flatMap(([name, checks]) => phaseFigures(`${rate} ${name}`, checks, all, goalMs)),
    ...firstOkFigures(rate, rounds),
    ...fallbackFigures(rate, rounds),
    stallFigure(`${rate}: time that the service stood still`, rounds, stalls.service),
    stallFigure(`${rate}: time that the generator stood still`, rounds, stalls.generator),
  ];
}

function phaseFigures(phase: string, checks: readonly Told[], stalls: readonly Stall[], goalMs: number): Figure[] {
  const outcomes = Map.groupBy(checks, ({ outcome }) => outcome);
  const clear = checks.filter((check) => isClear(check, stalls, goalMs));
  const ofAll = latenciesOf(checks);
  return [
    single(`${phase}: checks`, "", checks.length),
    ...[...outcomes].map(([outcome, { length }]) => single(`${phase}: ${outcome}`, "", length)),
    single(`${phase}: not clear`, "%", (1 - clear.length / checks.length) * 100),
    ...(clear.length === 0 ? [] : clearFigures(phase, latenciesOf(clear), goalMs)),
    single(`${phase}: P99, all`, "ms", ofAll.p99),
    single(`${phase}: P99.9, all`, "ms", ofAll.p999),
    single(`${phase}: greatest, all`, "ms", ofAll.greatest),
  ];
}

function clearFigures(phase: string, { p50, p95, p99, p999, greatest }: Quantiles, goalMs: number): Figure[] {
  return [
    single(`${phase}: P99, clear`, "ms", p99, atMost(goalMs)),
    single(`${phase}: P50, clear`, "ms", p50),
    single(`${phase}: P95, clear`, "ms", p95),
    single(`${phase}: P99.9, clear`, "ms", p999),
    single(`${phase}: greatest, clear`, "ms", greatest),
  ];
}

function latenciesOf(checks: readonly Told[]): Quantiles {
  return quantilesOf(Float64Array.from(checks, ({ dueMs, answeredMs }) => answeredMs - dueMs));
}

function firstOkFigures(rate: string, rounds: readonly Round[]): Figure[] {
  return ofEachFault(rounds, firstOkMs).map(([name, waits]) =>
    figureOf(`${rate} ${name}: from the return of Redis to the first OK`, "ms", waits),
  );
}

function fallbackFigures(rate: string, rounds: readonly Round[]): Figure[] {
  return ofEachFault(rounds, fallbackAnswers).map(([name, answers]) =>
    figureOf(`${rate} ${name}: Fallback answers of one, until all is settled`, "", answers),
  );
}

/** A figure of each fault by its name, of all rounds. */
function ofEachFault(rounds: readonly Round[], figure: (round: Round, fault: Fault) => number): [string, number[]][] {
  const all = rounds.flatMap((round) =>
    round.faults.map((fault) => ({ name: fault.name, value: figure(round, fault) })),
  );
  return [...Map.groupBy(all, ({ name }) => name)].map(([name, group]) => [name, group.map(({ value }) => value)]);
}

function stallFigure(name: string, rounds: readonly Round[], stalls: readonly Stall[]): Figure {
  const shares = rounds.map(({ checks }) => {
    const [fromMs, toMs] = [checks[0]?.dueMs ?? 0, checks.at(-1)?.answeredMs ?? 0];
    return (stalledMs(stalls, fromMs, toMs) / (toMs - fromMs)) * 100;
  });
  return figureOf(name, "%", shares);
}
