import type { TestReport } from "./test-report.ts";

type CheckReport = Readonly<{ steps: readonly Readonly<{ passed: boolean }>[] }>;

export function summarise(
  tests: TestReport | null,
  testExitCode: number,
  check: CheckReport | null,
  checkExitCode: number,
): { passed: number; failed: number };
