import { expect, test } from "vitest";
import { figuresOf } from "../check/figures.ts";
import { admitted, limited, many, NOON_MS } from "../check/journal.world.ts";
import { ABSENT } from "../faults/absent.ts";
import { judge } from "../lab/expectations.ts";
import type { Expectation, Fault } from "../lab/fault.ts";
import type { RunResult } from "../lab/run.ts";
import { joinPublished, publishedFault } from "./published.ts";
import { reliabilityPage } from "./reliability.ts";
import { isMet, isOfSpeed, summarize, tally, tellsNothing } from "./summary.ts";
import { faultTable } from "./table.ts";

const quick: Expectation = { figure: "recoveryMs", atMost: 5_000, why: "promoted" };
const SITTING = { machine: "a machine", at: "2026-11-22T12:00:00Z", rate: 240 };
const tried: Expectation = { figure: "opened", atLeast: 1, why: "there was something to open" };
const fault: Fault = {
  id: "F1",
  name: "master killed",
  about: "SIGKILL.",
  faultMs: 1,
  recoveryMs: 1,
  inflict: async () => [],
  expectations: [quick, tried],
};

function run(recoveryMs: number, told: Readonly<Record<string, number>>, expectations = fault.expectations): RunResult {
  const timeline = { warmMs: NOON_MS, inflictedMs: NOON_MS, mendedMs: null, endMs: NOON_MS };
  const journal = { entries: many(20, admitted), stalls: [] };
  const { figures, evidence } = figuresOf({
    journal,
    policies: limited({ perDay: 99 }),
    timeline,
    struck: ["acme"],
    machineStalls: [],
  });
  const measured = { ...figures, recoveryMs };
  return { fault: "F1", figures: measured, told, verdicts: judge(expectations, measured, told), evidence };
}

test("the median is the middle run's, the worst is the one furthest from what is expected", () => {
  const summary = summarize(
    fault,
    [run(4_000, { opened: 3 }), run(1_000, { opened: 2 }), run(3_000, { opened: 9 })],
    [],
  );
  expect(summary.figures.map(({ median, worst }) => [median, worst])).toEqual([
    [3_000, 4_000],
    [3, 2],
  ]);
  expect(isMet(summary)).toBe(true);
});

test("one run beyond the bound, one without the figure, one that failed, or none at all breaks the expectation", () => {
  const good = run(1_000, { opened: 1 });
  expect(isMet(summarize(fault, [good, run(5_001, { opened: 1 })], []))).toBe(false);
  expect(isMet(summarize(fault, [good, run(Number.POSITIVE_INFINITY, { opened: 1 })], []))).toBe(false);
  expect(isMet(summarize(fault, [good, run(1_000, {})], []))).toBe(false);
  expect(isMet(summarize(fault, [good], ["no stack"]))).toBe(false);
  expect(isMet(summarize(fault, [], []))).toBe(false);
});

test("a median beyond its own bound breaks the expectation, though every run keeps that of all", () => {
  const soon: Expectation = { ...quick, medianAtMost: 4_000 };
  const runs = (...recoveriesMs: number[]) =>
    recoveriesMs.map((recoveryMs) => run(recoveryMs, { opened: 1 }, [soon, tried]));
  expect(isMet(summarize({ ...fault, expectations: [soon, tried] }, runs(5_000, 4_000, 3_000), []))).toBe(true);
  const late = summarize({ ...fault, expectations: [soon, tried] }, runs(4_001, 4_500, 3_000), []);
  expect(isMet(late)).toBe(false);
  expect(faultTable(late)).toMatch(/BROKEN +exact again +4.0 s +4.5 s +<= 5.0 s, median <= 4.0 s/);
});

test("what is broken is called so, in the table and on the page", () => {
  const summary = summarize(fault, [run(Number.POSITIVE_INFINITY, { opened: 1 })], ["no stack"]);
  const table = faultTable(summary);
  expect(table).toContain("F1 master killed: BROKEN (1 runs)");
  expect(table).toMatch(/BROKEN +exact again +never +never +<= 5.0 s/);
  const page = reliabilityPage({ faults: [publishedFault(summary, SITTING)], absent: ABSENT });
  expect(page).toContain("a machine, everything on it, the load of 240 checks per second included: 1 fault.");
  expect(page).toContain("| F1 master killed | **not as expected** |");
  expect(page).toContain("| exact again | never | never | <= 5.0 s, promoted | **broken** |");
  expect(page).toContain("A run failed: no stack");
  expect(page).toContain("Before anything was broken, 1 run had 0 Fallback answers");
  expect(page).toContain("**F27**");
});

test("a run whose machine was too slow before the fault tells nothing, unless something in it is wrong or never comes back", () => {
  const good = run(1_000, { opened: 1 });
  const on = (machine: Partial<RunResult["figures"]>, from = good) => ({
    ...from,
    figures: { ...from.figures, ...machine },
  });
  expect(tellsNothing(on({ baselineP99Ms: 20, fallbackBefore: 0 }))).toBe(false);
  expect(tellsNothing(on({ baselineP99Ms: 20.1 }))).toBe(true);
  expect(tellsNothing(on({ fallbackBefore: 1 }))).toBe(true);
  expect(tellsNothing(on({ baselineP99Ms: 20.1 }, run(9_000, { opened: 1 })))).toBe(false);
  expect(tellsNothing(on({ baselineP99Ms: 20.1 }, run(1_000, { opened: 0 })))).toBe(false);
  const summary = summarize(fault, [good], [], 2);
  expect(faultTable(summary)).toContain("2 more runs were set aside");
  expect(reliabilityPage({ faults: [publishedFault(summary, SITTING)], absent: ABSENT })).toContain("2 runs set aside");
});

test("what is measured again takes the place of what was known, in the order of the matrix; of others nothing stays", () => {
  const of = (id: Fault["id"], at: string) =>
    publishedFault(summarize({ ...fault, id }, [run(1, { opened: 1 })], []), { ...SITTING, at });
  const known = [of("F9", "2026-11-21T12:00:00Z"), of("F1", "2026-11-21T12:00:00Z"), of("F99", "2026-11-21T12:00:00Z")];
  const written = JSON.parse(JSON.stringify(known)) as typeof known;
  const joined = joinPublished(written, [of("F1", SITTING.at)], ["F1", "F9", "F10"]);
  expect(joined.map(({ id, sitting }) => `${id} ${sitting.at}`)).toEqual([
    "F1 2026-11-22T12:00:00Z",
    "F9 2026-11-21T12:00:00Z",
  ]);
});

test("a run that failed counts as an expectation that was not met; what is slow can be left out of the count", () => {
  const slow = summarize(fault, [run(9_000, { opened: 3 })], ["no stack"]);
  expect(tally([slow], () => true)).toEqual({ passed: 1, failed: 2 });
  expect(tally([slow], (figure) => !isOfSpeed(figure))).toEqual({ passed: 1, failed: 1 });
  const wrong = summarize(fault, [run(9_000, { opened: 0 })], []);
  expect(tally([wrong], (figure) => !isOfSpeed(figure))).toEqual({ passed: 0, failed: 1 });
});
