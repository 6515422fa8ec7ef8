// I1: what the store admitted, by period and by minute, against the greatest limit that was in force.
// Looks at what was admitted since it looked last, so it is asked after every event.
import { FIRST_LIMITS, OTHER_LIMITS, USER_QUOTA_PER_DAY } from "./tenants.ts";
import type { World } from "./world.ts";

export function admittedWithinLimits({ journal }: World): string[] {
  const { counted, admitted } = journal;
  if (journal.lookedAt === counted.length) return [];
  const faults: string[] = [];
  for (; journal.lookedAt < counted.length && !journal.isQuiet; journal.lookedAt += 1) {
    const one = counted[journal.lookedAt];
    if (one === undefined || journal.forgetfulShards.has(one.shard)) continue;
    const { tenant, user, cost } = one.ask;
    const isCorrected = journal.adjustments.some((adjustment) => adjustment.tenant === tenant);
    const limits: [string, number][] = [
      [`${tenant} month ${one.monthLabel}`, greatest("quotaPerMonth")],
      [`${tenant} day ${one.dayLabel}`, greatest("quotaPerDay")],
      [`${tenant} user ${user} day ${one.dayLabel}`, USER_QUOTA_PER_DAY],
    ];
    // What a step of the clock does to sliding windows is promised elsewhere, and quotas do not care.
    if (!journal.unevenClocks.has(one.shard)) {
      limits.push([`${tenant} minute ${Math.floor(one.nowMs / 60_000)}`, greatest("perMinute")]);
    }
    for (const [name, limit] of limits) {
      const sum = (admitted.get(name) ?? 0) + cost;
      admitted.set(name, sum);
      if (sum > limit && !isCorrected) faults.push(`I1: ${name} admitted ${sum}, limit ${limit}`);
    }
  }
  return faults;
}

function greatest(field: keyof typeof FIRST_LIMITS): number {
  return Math.max(FIRST_LIMITS[field], OTHER_LIMITS[field]);
}
