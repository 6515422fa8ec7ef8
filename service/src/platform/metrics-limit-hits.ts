// Refused checks on their way into the record of limit hits: read when scraped.
import { Counter } from "prom-client";
import type { SeriesRegistry } from "./series.ts";

export type LimitHitTally = Readonly<{ named: number; folded: number; dropped: number }>;

export function publishLimitHits(registry: SeriesRegistry, tally: () => LimitHitTally): void {
  new Counter({
    name: "sluice_limit_hits",
    help: "Refused checks: recorded by name, folded into their tenant's others beyond a bound, or not recorded.",
    labelNames: ["outcome"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, hits] of Object.entries(tally())) this.inc({ outcome }, hits);
    },
  });
}
