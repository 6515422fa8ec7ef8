// How long usage and limit hits are kept. Whole months are dropped, so everything is kept at least as long as said here.
import type { ConfigReader, Range } from "./config-reader.ts";
import type { Retention } from "./usage/partitions.ts";

const USAGE_MONTHS: Range = { least: 1, most: 120, unit: "months before the present one" };
const LIMIT_HIT_DAYS: Range = { least: 1, most: 3_650, unit: "days" };

export function readRetention(reader: ConfigReader): Retention {
  return {
    // Two years beside the present month: what a comparison with last year's same months needs.
    usageMonths: reader.integer("SLUICE_USAGE_RETENTION_MONTHS", USAGE_MONTHS, 24),
    limitHitDays: reader.integer("SLUICE_LIMIT_HIT_RETENTION_DAYS", LIMIT_HIT_DAYS, 90),
  };
}
