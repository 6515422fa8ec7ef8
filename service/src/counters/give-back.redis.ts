// Lays out the keys and arguments of give-back.lua: the TypeScript side of the header of that file.
import { WINDOWS } from "@sluice/contract";
import { windowsOf } from "./admission.ts";
import { OVERFLOW_USER, type TakeCheck } from "./counters.ts";
import type { Keys } from "./keys.ts";
import { GIVE_BACK_SCRIPT } from "./scripts.redis.ts";
import { counterIndex, indexOf } from "./take-arguments.ts";
import type { TakeCall } from "./take-call.redis.ts";

/** `ran` is when, by the store's clock, and under which labels and generation the take ran. */
export function giveBackArguments(
  keys: Keys,
  call: TakeCall,
  checkIndex: number,
  ran: Readonly<{ nowMs: number; dayLabel: number; monthLabel: number; generation: number }>,
): string[] {
  const { tenant } = call.order;
  const check = call.order.checks[checkIndex] as TakeCheck;
  const user = call.overflowed[checkIndex] === true ? OVERFLOW_USER : check.user;
  const names = [keys.tenant(tenant), keys.usage(tenant, call.incarnation, call.askedDayLabel)];
  const request = check.requestId === null ? 0 : indexOf(names, keys.request(tenant, check.requestId));
  const values = [ran.nowMs, ran.dayLabel, ran.monthLabel, check.cost].map(String);
  values.push(`${ran.dayLabel}${call.rows[checkIndex]?.field}`, String(request));
  values.push(String(ran.generation), String(check.claims.length));
  for (const claim of check.claims) {
    const taken = windowsOf(claim);
    const marks = WINDOWS.map((window) => (taken.includes(window) ? "1" : "0"));
    values.push(String(counterIndex(names, keys, tenant, claim, user)), ...marks);
  }
  return ["EVALSHA", GIVE_BACK_SCRIPT.sha, String(names.length), ...names, ...values];
}
