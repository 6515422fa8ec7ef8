import type { TestReport } from "./test-report.ts";

type CheckReport = Readonly<{ steps: readonly Readonly<{ name: string; passed: boolean }>[] }>;
type Tally = Readonly<{ passed: number; failed: number }>;
/** Null = the step left no report. */
type Step<Report> = Readonly<{ report: Report | null; exitCode: number }>;

export function summarise(tests: Step<TestReport>, check: Step<CheckReport>, faults: Step<Tally>): Tally;
export function failures(tests: TestReport | null, check: CheckReport | null, root: string): string[];
