// The answers of the Fallback, as it tallies them itself: read when scraped.
import { Counter } from "prom-client";
import type { SeriesRegistry } from "./series.ts";

export type FallbackTally = Readonly<{ mode: string; cause: string; allowed: boolean; answers: number }>;

export function publishFallback(registry: SeriesRegistry, tally: () => readonly FallbackTally[]): void {
  new Counter({
    name: "sluice_fallback_answers",
    help: "Answers given by the Fallback.",
    labelNames: ["mode", "cause", "allowed"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { mode, cause, allowed, answers } of tally())
        this.inc({ mode, cause, allowed: `${allowed}` }, answers);
    },
  });
}
