// Every error code the platform ever answers, each with its one status. A code never changes its meaning.
// docs/errors is printed from this catalogue (scripts/errors.drift.ts).
import type { ProblemEntry } from "./problem-entry.ts";
import { OF_CALLERS } from "./problem-of-callers.ts";
import { OF_REQUESTS } from "./problem-of-requests.ts";
import { OF_ROWS } from "./problem-of-rows.ts";
import { OF_SERVICE } from "./problem-of-service.ts";
import { OF_VALUES } from "./problem-of-values.ts";

const ENTRIES = { ...OF_REQUESTS, ...OF_CALLERS, ...OF_ROWS, ...OF_VALUES, ...OF_SERVICE };
export type ProblemCode = keyof typeof ENTRIES;
export const PROBLEMS: Readonly<Record<ProblemCode, ProblemEntry>> = ENTRIES;
