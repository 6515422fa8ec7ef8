// Everything this process has acknowledged: usage for the reports, quotas for a restore.
import { randomBytes } from "node:crypto";
import type { Claim } from "../counters/claim.ts";
import { type CountedIn, QuotaTotals } from "./quota-totals.ts";
import { type UsageRow, UsageTotals } from "./usage-totals.ts";

export class Acknowledged {
  /** A name that no other process ever has, nor this one after another start. */
  readonly owner = randomBytes(9).toString("base64url");
  readonly usage: UsageTotals;
  readonly quotas: QuotaTotals;

  constructor(options: Readonly<{ onGeneration?: (tenant: string) => void; maxRows?: number }> = {}) {
    this.usage = new UsageTotals(this.owner, options.maxRows);
    this.quotas = new QuotaTotals(this.owner, options.onGeneration ?? (() => undefined), options.maxRows);
  }

  /** One check that the store counted: under `user`, which is the overflow user where the store said so. */
  count(row: UsageRow, claims: readonly Claim[], user: string, counted: CountedIn, cost: number): void {
    this.usage.acknowledge(row, counted.dayLabel, cost);
    this.quotas.acknowledge(row, claims, user, counted, cost);
  }
}
