// Lays out the keys and arguments of take.lua, and reads its reply: the TypeScript side of the header of that file.
// What many checks share is written once and remembered: the limits of a claim, the day of a zone.
import { WINDOWS } from "@sluice/contract";
import { type Period, type PeriodNeighbours, periodHolding } from "../limits/quota-period.ts";
import { acknowledgedOn, type UsageRow } from "../usage/usage-totals.ts";
import { rollCounter } from "./admission.ts";
import { asciiIndex, asciiNumber } from "./ascii-numbers.ts";
import type { Claim } from "./claim.ts";
import { type CounterState, OVERFLOW_USER, type Take, type TakeCheck, type TakenCheck } from "./counters.ts";
import type { Keys } from "./keys.ts";
import { decodeState, HEAD_BYTES, readGeneration, readUInt56, WHOLE_BYTES } from "./state-codec.ts";

const REPLY_FORMAT = 1;

/** How limits are written, and a number that no sum reaches: MAX_SUM and MAX_QUOTA_SUM are below. */
const RATE = { bytes: 5, unreachable: 10 ** 12 };
const QUOTA = { bytes: 7, unreachable: 10 ** 16 };
const LIMIT_NUMBERS = { second: RATE, minute: RATE, day: RATE, quotaDay: QUOTA, month: QUOTA };

/** Everything take.lua needs beside the order itself. */
export type TakeSetting = Readonly<{
  keys: Keys;
  /** Of the order's days the one to take in: where the store's clock is in another, it takes nothing and says its time. */
  day: Period;
  incarnation: string;
  /** UTC ms when the clock is handed in (tests), else "" for the store's own. */
  clock: string;
  /** After this instant of the store's clock, UTC ms, the take does nothing. */
  validUntilMs: number;
  shardToken: number;
  rows: readonly UsageRow[];
  /** Per check, whether its user was found to be one too many. */
  overflowed: readonly boolean[];
}>;

export function takeArguments(sha: string, order: Take, setting: TakeSetting): string[] {
  const { keys, day } = setting;
  const dayLabel = day.label;
  const names = [keys.tenant(order.tenant), keys.usage(order.tenant, setting.incarnation, dayLabel)];
  const values = [
    setting.clock,
    String(setting.validUntilMs),
    String(setting.shardToken),
    dayArgument(day, order.periods.month),
    String(order.maxUsersPerDay),
  ];
  for (let i = 0; i < order.checks.length; i += 1) {
    const check = order.checks[i] as TakeCheck;
    const row = setting.rows[i] as UsageRow;
    const user = setting.overflowed[i] === true ? OVERFLOW_USER : check.user;
    values.push(String(check.cost), `${dayLabel}${row.field}`, String(acknowledgedOn(row, dayLabel)));
    values.push(indexesArgument(names, keys, order.tenant, check, user));
    for (const claim of check.claims) values.push(limitsArgument(claim));
  }
  return ["EVALSHA", sha, String(names.length), ...names, ...values];
}

/** What take.lua said. `rebased` counts buckets found ahead of the clock. */
export type TakeReply =
  | Readonly<{
      kind: "taken";
      nowMs: number;
      dayLabel: number;
      monthLabel: number;
      generation: number;
      rebased: number;
      checks: readonly TakenCheck[];
    }>
  | Readonly<{ kind: "outside_day"; nowMs: number }>
  | Readonly<{ kind: "too_late"; nowMs: number }>
  | Readonly<{ kind: "user_overflow"; check: number }>;

/** Throws on a reply that is not take.lua's: the store counts that as a store error. */
export function readTakeReply(reply: unknown, order: Take, overflowed: readonly boolean[]): TakeReply {
  if (Buffer.isBuffer(reply)) return readTaken(reply, order, overflowed);
  if (!Array.isArray(reply)) throw new Error("the take script answered neither bytes nor a list");
  switch (reply[0]) {
    case -1:
      return { kind: "outside_day", nowMs: Number(reply[1]) };
    case -2:
      return { kind: "user_overflow", check: Number(reply[1]) - 1 };
    case -3:
      throw new Error(`a counter of tenant ${order.tenant} has the unknown format ${reply[1]}: nothing was taken`);
    case -4:
      return { kind: "too_late", nowMs: Number(reply[1]) };
    default:
      throw new Error(`the take script answered in the unknown format ${reply[0]}`);
  }
}

function readTaken(reply: Buffer, order: Take, overflowed: readonly boolean[]): TakeReply {
  if (reply[0] !== REPLY_FORMAT) throw new Error(`the take script answered in the unknown format ${reply[0]}`);
  const nowMs = readUInt56(reply, 1);
  const dayLabel = reply.readUInt32LE(8);
  const monthLabel = monthLabelOf(dayLabel);
  const stateBytes = reply.readUInt8(12);
  if (stateBytes !== HEAD_BYTES && stateBytes !== WHOLE_BYTES) throw new Error(`a state of ${stateBytes} bytes`);
  const rebased = reply.readUInt8(13);
  const checks: TakenCheck[] = [];
  let generation = 0;
  let at = 14;
  for (let i = 0; i < order.checks.length; i += 1) {
    const verdict = reply.readUInt8(at);
    if (verdict > 2) throw new Error(`the take script gave the verdict ${verdict}`);
    at += 1;
    const states: CounterState[] = [];
    for (let claim = (order.checks[i] as TakeCheck).claims.length; claim > 0; claim -= 1) {
      generation = readGeneration(reply, at);
      states.push(rollCounter(decodeState(reply, at, stateBytes), nowMs, dayLabel, monthLabel));
      at += stateBytes;
    }
    checks.push({ admitted: verdict !== 0, replayed: verdict === 2, overflowed: overflowed[i] === true, states });
  }
  if (at !== reply.length) throw new Error("the take script answered for another number of claims");
  return { kind: "taken", nowMs, dayLabel, monthLabel, generation, rebased, checks };
}

/** Index of a key among those named so far, 1-based as in Lua. A take names a handful: a scan beats a map. */
export function indexOf(names: string[], key: string): number {
  const found = names.indexOf(key);
  return found === -1 ? names.push(key) : found + 1;
}

/** `user` is not looked at where the scope has none. */
export function counterIndex(
  names: string[],
  keys: Keys,
  tenant: string,
  claim: Pick<Claim, "scope" | "api">,
  user: string,
): number {
  switch (claim.scope) {
    case "TENANT":
      return 1;
    case "TENANT_API":
      return indexOf(names, keys.api(tenant, claim.api ?? ""));
    case "TENANT_USER":
      return indexOf(names, keys.user(tenant, user));
    case "TENANT_USER_API":
      return indexOf(names, keys.userApi(tenant, user, claim.api ?? ""));
  }
}

/** Where in the keys are: the request id or 0, the user's own key or 0, the counter of each claim. */
function indexesArgument(names: string[], keys: Keys, tenant: string, check: TakeCheck, user: string): string {
  let text = asciiIndex(check.requestId === null ? 0 : indexOf(names, keys.request(tenant, check.requestId)));
  text += asciiIndex(ownUserIndex(names, keys, tenant, check, user));
  for (const claim of check.claims) text += asciiIndex(counterIndex(names, keys, tenant, claim, user));
  return text;
}

/** The user's own key says whether the user was seen today; the overflow user is never new. */
function ownUserIndex(names: string[], keys: Keys, tenant: string, check: TakeCheck, user: string): number {
  const perUser = check.claims.some((claim) => claim.scope === "TENANT_USER" || claim.scope === "TENANT_USER_API");
  return perUser && user !== OVERFLOW_USER ? indexOf(names, keys.user(tenant, user)) : 0;
}

const NOT_COUNTED = 0;
const limitsOfClaims = new WeakMap<Claim, string>();

/** Five limits: obeyed and counted, beyond any sum where they are in shadow, 0 where the window is not counted. */
function limitsArgument(claim: Claim): string {
  let text = limitsOfClaims.get(claim);
  if (text === undefined) {
    text = WINDOWS.map((window) => {
      const { bytes, unreachable } = LIMIT_NUMBERS[window];
      const enforced = claim.enforced.find((limit) => limit.window === window);
      const shadow = claim.shadow.some((limit) => limit.window === window);
      return asciiNumber(enforced?.capacity ?? (shadow ? unreachable : NOT_COUNTED), bytes);
    }).join("");
    limitsOfClaims.set(claim, text);
  }
  return text;
}

const argumentsOfDays = new WeakMap<Period, string>();

/** The same object serves a zone for a whole day, and stands among the same months. */
function dayArgument(day: Period, months: PeriodNeighbours): string {
  let text = argumentsOfDays.get(day);
  if (text === undefined) {
    text = [day.startMs / 1_000, day.label, day.endMs / 1_000, monthEnd(months, day.startMs)]
      .map((number) => asciiNumber(number, 4))
      .join("");
    argumentsOfDays.set(day, text);
  }
  return text;
}

/** Seconds. A day lies in one month, and the three days in the three months handed in. */
export function monthEnd(months: PeriodNeighbours, dayStartMs: number): number {
  return (periodHolding(months, dayStartMs) ?? months.next).endMs / 1_000;
}

/** 202611 of 20261122. */
export function monthLabelOf(dayLabel: number): number {
  return Math.floor(dayLabel / 100);
}
