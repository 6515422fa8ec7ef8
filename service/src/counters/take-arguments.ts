// Lays out the keys and arguments of take.lua, and reads its reply: the TypeScript side of the header of that file.
// Numbers go as text; limits are written once per claim and remembered, because claims are shared by all checks.
import { WINDOWS } from "@sluice/contract";
import { type Period, type PeriodNeighbours, type Periods, periodHolding } from "../limits/quota-period.ts";
import { acknowledgedOn, type UsageRow } from "../usage/usage-totals.ts";
import { rollCounter } from "./admission.ts";
import type { Claim } from "./claim.ts";
import { type CounterState, OVERFLOW_USER, type Take, type TakeCheck, type TakenCheck } from "./counters.ts";
import type { Keys } from "./keys.ts";
import { decodeState } from "./state-codec.ts";

/** How long usage waits in the store to be fetched: the longest PostgreSQL outage that loses nothing. */
export const USAGE_TTL_MS = 7 * 86_400_000;
const DAY_MS = 86_400_000;

/** Everything take.lua needs beside the order itself. */
export type TakeSetting = Readonly<{
  keys: Keys;
  incarnation: string;
  parity: 0 | 1;
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
  const { keys } = setting;
  const names = [keys.tenant(order.tenant), keys.usage(order.tenant, setting.incarnation, setting.parity)];
  const values: string[] = [setting.clock, String(setting.validUntilMs), String(setting.shardToken)];
  for (const text of periodArguments(order.periods)) values.push(text);
  values.push(String(order.maxUsersPerDay), String(order.checks.length));

  for (let i = 0; i < order.checks.length; i += 1) {
    const check = order.checks[i] as TakeCheck;
    const row = setting.rows[i] as UsageRow;
    const user = setting.overflowed[i] === true ? OVERFLOW_USER : check.user;
    const request = check.requestId === null ? 0 : indexOf(names, keys.request(order.tenant, check.requestId));
    values.push(
      String(check.cost),
      String(request),
      row.field,
      String(acknowledgedOn(row, order.periods.day.current.label)),
      String(ownUserIndex(names, keys, order.tenant, check, user)),
      String(check.claims.length),
    );
    for (const claim of check.claims) {
      values.push(String(counterIndex(names, keys, order.tenant, claim, user)), ...limitArguments(claim));
    }
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
      rebased: number;
      checks: readonly TakenCheck[];
    }>
  | Readonly<{ kind: "outside_periods"; nowMs: number }>
  | Readonly<{ kind: "too_late"; nowMs: number }>
  | Readonly<{ kind: "user_overflow"; check: number }>;

/** Throws on a reply that is not take.lua's: the store counts that as a store error. */
export function readTakeReply(reply: unknown, order: Take, overflowed: readonly boolean[]): TakeReply {
  if (!Array.isArray(reply)) throw new Error("the take script answered something that is not a list");
  switch (reply[0]) {
    case 1:
      return readTaken(reply, order, overflowed);
    case -1:
      return { kind: "outside_periods", nowMs: Number(reply[1]) };
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

function readTaken(reply: readonly unknown[], order: Take, overflowed: readonly boolean[]): TakeReply {
  const [, nowMs, dayLabel, monthLabel, rebased] = reply as readonly number[];
  if (!isInstant(nowMs) || !isInstant(dayLabel) || !isInstant(monthLabel)) {
    throw new Error("the take script answered without its clock or periods");
  }
  const checks: TakenCheck[] = [];
  let at = 5;
  for (let i = 0; i < order.checks.length; i += 1) {
    const verdict = reply[at];
    if (verdict !== 0 && verdict !== 1 && verdict !== 2) throw new Error(`the take script gave the verdict ${verdict}`);
    at += 1;
    const states: CounterState[] = [];
    for (const claim of (order.checks[i] as TakeCheck).claims) {
      const state = decodeState(reply[at] as Buffer, claim.scope === "TENANT");
      states.push(rollCounter(state, nowMs, dayLabel, monthLabel));
      at += 1;
    }
    checks.push({ admitted: verdict !== 0, replayed: verdict === 2, overflowed: overflowed[i] === true, states });
  }
  if (at !== reply.length) throw new Error("the take script answered for another number of claims");
  return { kind: "taken", nowMs, dayLabel, monthLabel, rebased: rebased ?? 0, checks };
}

function isInstant(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value);
}

/** Index of a key among those named so far, 1-based as in Lua. A take names a handful: a scan beats a map. */
export function indexOf(names: string[], key: string): number {
  const found = names.indexOf(key);
  return found === -1 ? names.push(key) : found + 1;
}

export function counterIndex(names: string[], keys: Keys, tenant: string, claim: Claim, user: string): number {
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

/** The user's own key says whether the user was seen today; the overflow user is never new. */
function ownUserIndex(names: string[], keys: Keys, tenant: string, check: TakeCheck, user: string): number {
  const perUser = check.claims.some((claim) => claim.scope === "TENANT_USER" || claim.scope === "TENANT_USER_API");
  return perUser && user !== OVERFLOW_USER ? indexOf(names, keys.user(tenant, user)) : 0;
}

const limitTexts = new WeakMap<Claim, readonly string[]>();

/** Five limits: obeyed and counted, "0" counted only (shadow), "-1" neither. */
export function limitArguments(claim: Claim): readonly string[] {
  let texts = limitTexts.get(claim);
  if (texts === undefined) {
    texts = WINDOWS.map((window) => {
      const enforced = claim.enforced.find((limit) => limit.window === window);
      if (enforced !== undefined) return String(enforced.capacity);
      return claim.shadow.some((limit) => limit.window === window) ? "0" : "-1";
    });
    limitTexts.set(claim, texts);
  }
  return texts;
}

const periodTexts = new WeakMap<Periods, readonly string[]>();

/** Labels, bounds and keeping times of the periods; the same object serves a zone for a whole day. */
function periodArguments(periods: Periods): readonly string[] {
  let texts = periodTexts.get(periods);
  if (texts === undefined) {
    const { day, month } = periods;
    texts = [
      ...boundsOf(day.current),
      ...boundsOf(month.current),
      `${farEnds(day)} ${farEnds(month)}`,
      // Kept a day beyond its end, so that a clock that steps back finds its period again. Counted from the start of the
      // day at which this text is made, hence never too short while it is in use.
      String(day.current.endMs - day.current.startMs + DAY_MS),
      String(month.current.endMs - day.current.startMs + DAY_MS),
      String(USAGE_TTL_MS),
    ];
    periodTexts.set(periods, texts);
  }
  return texts;
}

function boundsOf(period: Period): readonly string[] {
  return [String(period.label), String(period.startMs / 1_000), String(period.endMs / 1_000)];
}

function farEnds({ previous, next }: PeriodNeighbours): string {
  return `${previous.label} ${previous.startMs / 1_000} ${next.label} ${next.endMs / 1_000}`;
}

/** The labels that a take at `nowMs` is counted under. */
export function dayLabelAt(periods: Periods, nowMs: number): number {
  return (periodHolding(periods.day, nowMs) ?? periods.day.current).label;
}

export function monthLabelAt(periods: Periods, nowMs: number): number {
  return (periodHolding(periods.month, nowMs) ?? periods.month.current).label;
}
