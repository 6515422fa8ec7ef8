// What every implementation of the port must do, as one suite: memory, single Redis and Cluster run it alike.
// A store may be shared by all its tests: each has a tenant of its own, and the clock is handed in.
// Where an implementation may differ there is a mark with its reason (`Marks`).
// Not here: deadlines, breakers and settlement, which only a store with a network has.
import type { Scope, Window } from "@sluice/contract";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { periodsAt } from "../limits/quota-period.ts";
import { windowRemaining, windowUsed } from "./admission.ts";
import type { Claim, WindowLimit } from "./claim.ts";
import {
  ANONYMOUS_USER,
  type Answered,
  type Counters,
  MAX_CHECKS_PER_TAKE,
  OVERFLOW_USER,
  REPLAY_MS,
  type TakeCheck,
  type TakenCheck,
} from "./counters.ts";
import { histories, replay } from "./histories.conformance.ts";

export type OpenCounters = (options: {
  /** The store's clock, UTC ms. */
  clock: () => number;
}) => Promise<{
  counters: Counters;
  /** Every key in the store, where it can list them. */
  keys?: () => Promise<string[]>;
  close(): Promise<void>;
}>;

export type Marks = Readonly<{
  /** Random histories to run; every one has at most 12 takes. */
  histories?: number;
  /** Why remembered request ids end by real time instead of by the clock handed in: skips the test of their end. */
  requestsEndInRealTime?: string;
}>;

const RANDOM_SEED = 20261122;
/** A history takes about this long on a slow machine. */
const HISTORY_BUDGET_MS = 40;

const noon = Date.parse("2026-11-22T12:00:00Z");
const kim = "kim";
const report = "POST /v1/report/export";

let tenants = 0;

export function countersConformance(name: string, open: OpenCounters, marks: Marks = {}): void {
  /** Runs `story` in a world of its own; the tenant has never been seen by the store. */
  async function inWorld(story: (world: World) => Promise<void>): Promise<void> {
    const clock = { nowMs: noon };
    const opened = await open({ clock: () => clock.nowMs });
    tenants += 1;
    try {
      await story(new World(opened.counters, clock, `${name.replace(/[^A-Za-z0-9]/g, "-")}.${tenants}`, opened.keys));
    } finally {
      await opened.close();
    }
  }

  describe(`counters: ${name}`, () => {
    test("a take is admitted while every limit of every scope admits it, and says what it left", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT", { minute: 10, month: 100 }), claim("TENANT_USER", { second: 5 })];
        const taken = await world.take({ claims, user: kim, cost: 3 });
        expect(taken.checks[0]).toMatchObject({ admitted: true, replayed: false, overflowed: false });
        expect(taken.nowMs).toBe(noon);
        expect(world.used(taken, 0, "minute")).toBe(3);
        expect(world.used(taken, 0, "month")).toBe(3);
        expect(world.used(taken, 1, "second")).toBe(3);
      }));

    test("a refused take changes no counter of any scope or window", () =>
      inWorld(async (world) => {
        const claims = [
          claim("TENANT", { second: 100, minute: 100, day: 100, quotaDay: 100, month: 100 }),
          claim("TENANT_API", { minute: 100 }, { api: report }),
          claim("TENANT_USER_API", { month: 3 }, { api: report }),
        ];
        await world.admit({ claims, user: kim, cost: 3 });
        const refused = await world.refuse({ claims, user: kim, cost: 1 });
        const looked = await world.take({ claims, user: kim, cost: 0 });
        for (const taken of [refused, looked]) {
          for (const window of ["second", "minute", "day", "quotaDay", "month"] as const) {
            expect(world.used(taken, 0, window)).toBe(3);
          }
          expect(world.used(taken, 1, "minute")).toBe(3);
          expect(world.used(taken, 2, "month")).toBe(3);
        }
      }));

    test.each(["second", "minute", "day", "quotaDay", "month"] as const)(
      "the limit of window %s alone refuses",
      (window) =>
        inWorld(async (world) => {
          const claims = [claim("TENANT", { second: 9, minute: 9, day: 9, quotaDay: 9, month: 9, [window]: 4 })];
          await world.admit({ claims, cost: 4 });
          await world.refuse({ claims, cost: 1 });
        }),
    );

    test("a refused take and a look write no key", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT", { minute: 2 }), claim("TENANT_USER", { month: 2 })];
        await world.refuse({ claims, user: kim, cost: 3, requestId: "refused" });
        await world.take({ claims, user: kim, cost: 0, requestId: "look" });
        expect(await world.keys()).toEqual([]);
        await world.admit({ claims, user: kim, cost: 2 });
        const before = await world.keys();
        await world.refuse({ claims, user: "lee", cost: 1, requestId: "refused" });
        await world.take({ claims, user: "park", cost: 0, requestId: "look" });
        expect(await world.keys()).toEqual(before);
      }));

    test("a look is decided like any cost and takes nothing", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT", { minute: 5 })];
        await world.admit({ claims, cost: 0 });
        await world.admit({ claims, cost: 5 });
        const full = await world.take({ claims, cost: 0 });
        expect(full.checks[0]?.admitted).toBe(true);
        expect(world.used(full, 0, "minute")).toBe(5);
        await world.refuse({ claims: [claim("TENANT", { minute: 4 })], cost: 0 });
      }));

    test("200 concurrent takes are admitted up to the limit exactly, and the refused leave no trace", () =>
      inWorld(async (world) => {
        const users = ["u1", "u2", "u3", "u4"];
        const claims = [
          claim("TENANT", { day: 110, month: 10_000 }),
          claim("TENANT_API", { day: 10_000 }, { api: report }),
          claim("TENANT_USER", { day: 30 }),
        ];
        const takes = Array.from({ length: 200 }, (_, i) =>
          world.take({ claims, user: users[i % 4] ?? kim, cost: 1 + (i % 2) }),
        );
        const admitted = (await Promise.all(takes)).flatMap((taken, i) => (taken.checks[0]?.admitted ? [i] : []));
        const costOf = (some: number[]) => some.reduce((sum, i) => sum + 1 + (i % 2), 0);
        const looks = await Promise.all(users.map((user) => world.take({ claims, user, cost: 0 })));
        for (const [n, looked] of looks.entries()) {
          expect(world.used(looked, 2, "day")).toBe(costOf(admitted.filter((i) => i % 4 === n)));
          expect(world.used(looked, 2, "day")).toBeLessThanOrEqual(30);
          expect(world.used(looked, 0, "day")).toBe(110);
          expect(world.used(looked, 0, "month")).toBe(110);
          expect(world.used(looked, 1, "day")).toBe(110);
        }
        expect(costOf(admitted)).toBe(110);
      }));

    test("checks of one take are decided in order, each seeing the ones before it", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT", { minute: 5 })];
        const taken = await world.take(
          { claims, cost: 3 },
          { claims, cost: 3 },
          { claims, cost: 0 },
          { claims, cost: 2 },
          { claims, cost: 1 },
        );
        expect(taken.checks.map((check) => check.admitted)).toEqual([true, false, true, true, false]);
        expect(taken.checks.map((check) => world.usedIn(taken, check, 0, "minute"))).toEqual([3, 3, 3, 5, 5]);
      }));

    test("one take carries up to 16 checks of different counters", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT", { minute: 12 }), claim("TENANT_USER", { minute: 1 })];
        const checks = Array.from({ length: MAX_CHECKS_PER_TAKE }, (_, i) => ({ claims, user: `u${i % 15}`, cost: 1 }));
        const taken = await world.take(...checks);
        expect(taken.checks.map((check) => check.admitted)).toEqual(checks.map((_, i) => i < 12));
        expect(world.usedIn(taken, taken.checks[15], 0, "minute")).toBe(12);
        expect(world.usedIn(taken, taken.checks[15], 1, "minute")).toBe(1);
      }));

    test("a shadow limit takes above itself and never refuses", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT", {}, { shadow: { minute: 2 } })];
        for (let i = 0; i < 5; i += 1) await world.admit({ claims, cost: 1 });
        expect(world.used(await world.take({ claims, cost: 0 }), 0, "minute")).toBe(5);
      }));

    test("a shadow limit takes only what is admitted, and a window it shares with an enforced one is counted once", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT", { minute: 4 }, { shadow: { minute: 1, month: 1 } })];
        await world.admit({ claims, cost: 3 });
        const refused = await world.refuse({ claims, cost: 2 });
        expect(world.used(refused, 0, "minute")).toBe(3);
        expect(world.used(refused, 0, "month")).toBe(3);
      }));

    test("scopes, users, APIs and tenants each have counters of their own", () =>
      inWorld(async (world) => {
        const perUser = [claim("TENANT_USER", { minute: 1 })];
        const perApi = (api: string) => [claim("TENANT_API", { minute: 1 }, { api })];
        const perUserApi = (api: string) => [claim("TENANT_USER_API", { minute: 1 }, { api })];
        await world.admit({ claims: [claim("TENANT", { minute: 1 })], user: kim });
        for (const user of [kim, "lee", "Kim", "kim ", `${kim}\n${report}`]) {
          await world.admit({ claims: perUser, user });
          await world.refuse({ claims: perUser, user });
          await world.admit({ claims: perUserApi(report), user });
          await world.refuse({ claims: perUserApi(report), user });
        }
        for (const api of [report, "ANY /v1/report/export", "POST /v1/report/*"]) {
          await world.admit({ claims: perApi(api), user: kim });
          await world.refuse({ claims: perApi(api), user: "lee" });
        }
        await world.of(`${world.tenant}x`).admit({ claims: [claim("TENANT", { minute: 1 })], user: kim });
      }));

    test("calls without a user share one counter, apart from every named user's", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT_USER", { minute: 2 })];
        await world.admit({ claims, user: ANONYMOUS_USER });
        await world.admit({ claims, user: "anonymous" });
        const looked = await world.take({ claims, user: ANONYMOUS_USER, cost: 0 });
        expect(world.used(looked, 0, "minute")).toBe(1);
        await world.admit({ claims, user: ANONYMOUS_USER });
        await world.refuse({ claims, user: ANONYMOUS_USER });
        await world.admit({ claims, user: "anonymous" });
      }));

    test("a replaced policy keeps the count, also of a window that no policy named meanwhile", () =>
      inWorld(async (world) => {
        await world.admit({ claims: [claim("TENANT", { minute: 10, month: 10 })], cost: 6 });
        await world.admit({ claims: [claim("TENANT", { minute: 20 })], cost: 4 });
        const taken = await world.take({ claims: [claim("TENANT", { minute: 20, month: 7 })], cost: 1 });
        expect(taken.checks[0]?.admitted).toBe(true);
        expect(world.used(taken, 0, "minute")).toBe(11);
        expect(world.used(taken, 0, "month")).toBe(7);
        await world.refuse({ claims: [claim("TENANT", { month: 7 })] });
      }));

    test("an admitted request id is admitted again and takes nothing", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT", { month: 5 })];
        await world.admit({ claims, cost: 5, requestId: "r1" });
        world.clock.nowMs += REPLAY_MS - 1;
        const again = await world.take({ claims, cost: 5, requestId: "r1" });
        expect(again.checks[0]).toMatchObject({ admitted: true, replayed: true });
        expect(world.used(again, 0, "month")).toBe(5);
        await world.refuse({ claims, requestId: "r2" });
        const other = await world.of(`${world.tenant}x`).take({ claims, cost: 5, requestId: "r1" });
        expect(other.checks[0]).toMatchObject({ admitted: true, replayed: false });
      }));

    test("a request id is known within the take that admitted it, and after the clock stepped back", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT", { month: 5 })];
        const taken = await world.take({ claims, cost: 3, requestId: "r1" }, { claims, cost: 3, requestId: "r1" });
        expect(taken.checks.map((check) => check.replayed)).toEqual([false, true]);
        expect(world.usedIn(taken, taken.checks[1], 0, "month")).toBe(3);
        world.clock.nowMs -= 10_000;
        const again = await world.take({ claims, cost: 3, requestId: "r1" });
        expect(again.checks[0]).toMatchObject({ admitted: true, replayed: true });
      }));

    test("a refused request id is decided anew", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT", { minute: 5 })];
        await world.admit({ claims, cost: 5 });
        await world.refuse({ claims, cost: 5, requestId: "r1" });
        world.clock.nowMs += 120_000;
        const anew = await world.take({ claims, cost: 5, requestId: "r1" });
        expect(anew.checks[0]).toMatchObject({ admitted: true, replayed: false });
        await world.refuse({ claims, cost: 5, requestId: "r2" });
      }));

    test("an admitted request id is forgotten after 60 s", (context) => {
      if (marks.requestsEndInRealTime !== undefined) context.skip(marks.requestsEndInRealTime);
      return inWorld(async (world) => {
        const claims = [claim("TENANT", { month: 10 })];
        await world.admit({ claims, cost: 4, requestId: "r1" });
        world.clock.nowMs += REPLAY_MS;
        const anew = await world.take({ claims, cost: 4, requestId: "r1" });
        expect(anew.checks[0]).toMatchObject({ admitted: true, replayed: false });
        expect(world.used(anew, 0, "month")).toBe(8);
      });
    });

    test("new users beyond the day's bound share the overflow user, known ones keep their own counter", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT_USER", { month: 2 }), claim("TENANT_USER_API", { month: 2 }, { api: report })];
        world.maxUsersPerDay = 2;
        expect((await world.admit({ claims, user: "u1" })).checks[0]?.overflowed).toBe(false);
        expect((await world.admit({ claims, user: "u2" })).checks[0]?.overflowed).toBe(false);
        expect((await world.admit({ claims, user: "u3" })).checks[0]?.overflowed).toBe(true);
        const third = await world.admit({ claims, user: "u4" });
        expect(third.checks[0]?.overflowed).toBe(true);
        expect(world.used(third, 0, "month")).toBe(2);
        expect(world.used(third, 1, "month")).toBe(2);
        expect((await world.refuse({ claims, user: "u5" })).checks[0]?.overflowed).toBe(true);
        await world.refuse({ claims, user: OVERFLOW_USER });
        expect((await world.admit({ claims, user: "u1" })).checks[0]?.overflowed).toBe(false);
        world.maxUsersPerDay = 3;
        expect((await world.admit({ claims, user: "u6" })).checks[0]?.overflowed).toBe(false);
      }));

    test("a look of a user beyond the bound shows the overflow user", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT_USER", { month: 3 })];
        world.maxUsersPerDay = 1;
        await world.admit({ claims, user: "u1" });
        await world.admit({ claims, user: "u2", cost: 3 });
        const looked = await world.take({ claims, user: "u3", cost: 0 });
        expect(looked.checks[0]?.overflowed).toBe(true);
        expect(world.used(looked, 0, "month")).toBe(3);
      }));

    test("refused and looking users, and calls that no user limit applies to, use up none of the bound", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT_USER", { month: 2 })];
        world.maxUsersPerDay = 1;
        await world.refuse({ claims, user: "u1", cost: 3 });
        await world.take({ claims, user: "u2", cost: 0 });
        await world.admit({ claims: [claim("TENANT", { month: 9 })], user: "u3" });
        expect((await world.admit({ claims, user: "u4" })).checks[0]?.overflowed).toBe(false);
        expect((await world.admit({ claims, user: "u5" })).checks[0]?.overflowed).toBe(true);
      }));

    test("a replayed check is no new user, so that it does not overflow", () =>
      inWorld(async (world) => {
        world.maxUsersPerDay = 1;
        await world.admit({ claims: [claim("TENANT", { month: 9 })], user: "u1", requestId: "r1" });
        const perUser = [claim("TENANT_USER", { month: 9 })];
        await world.admit({ claims: perUser, user: "u2" });
        const replayed = await world.take({ claims: perUser, user: "u1", requestId: "r1" });
        expect(replayed.checks[0]).toMatchObject({ admitted: true, replayed: true, overflowed: false });
      }));

    test("the bound is kept inside one take, a new day has room again, and a clock that steps back makes none", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT_USER", { month: 9 })];
        world.maxUsersPerDay = 2;
        const taken = await world.take(...["u1", "u2", "u3", "u1"].map((user) => ({ claims, user, cost: 1 })));
        expect(taken.checks.map((check) => check.overflowed)).toEqual([false, false, true, false]);
        expect(world.usedIn(taken, taken.checks[3], 0, "month")).toBe(2);
        world.clock.nowMs += 86_400_000;
        const known = await world.admit({ claims, user: "u1" });
        expect(known.checks[0]?.overflowed).toBe(false);
        expect(world.used(known, 0, "month")).toBe(3);
        expect((await world.admit({ claims, user: "u3" })).checks[0]?.overflowed).toBe(false);
        expect((await world.admit({ claims, user: "u4" })).checks[0]?.overflowed).toBe(false);
        expect((await world.admit({ claims, user: "u5" })).checks[0]?.overflowed).toBe(true);
        world.clock.nowMs -= 43_200_001;
        expect((await world.admit({ claims, user: "u6" })).checks[0]?.overflowed).toBe(true);
      }));

    test("a sliding window opens by the tick", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT", { minute: 100 })];
        world.clock.nowMs = noon + 59_999;
        await world.admit({ claims, cost: 100 });
        world.clock.nowMs = noon + 60_000 + 599;
        await world.refuse({ claims });
        world.clock.nowMs += 1;
        await world.admit({ claims });
        await world.refuse({ claims });
        world.clock.nowMs = noon + 180_000;
        await world.admit({ claims, cost: 100 });
      }));

    test("sums beyond the greatest limit stay exact", () =>
      inWorld(async (world) => {
        const huge = claim("TENANT", {
          second: 10 ** 10,
          minute: 10 ** 10,
          day: 10 ** 10,
          quotaDay: 10 ** 15,
          month: 10 ** 15,
        });
        const taken = await world.take(...Array.from({ length: 16 }, () => ({ claims: [huge], cost: 1_000_000 })));
        const last = taken.checks[15];
        for (const window of ["second", "minute", "day", "quotaDay", "month"] as const) {
          expect(world.usedIn(taken, last, 0, window)).toBe(16_000_000);
        }
        const state = last?.states[0];
        expect(state && windowRemaining(state, "month", 10 ** 15, taken.nowMs, taken)).toBe(10 ** 15 - 16_000_000);
      }));

    test("a clock that steps back reopens no sliding window, and after two windows all is free", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT", { minute: 10 })];
        await world.admit({ claims, cost: 10 });
        world.clock.nowMs = noon + 66_000;
        await world.admit({ claims, cost: 1 });
        world.clock.nowMs = noon + 59_000;
        await world.refuse({ claims });
        await world.refuse({ claims: [claim("TENANT", { minute: 10 })], cost: 0 });
        world.clock.nowMs = noon + 59_000 + 120_000;
        await world.admit({ claims, cost: 10 });
      }));

    test("a full window that finds the clock far back waits two windows, not for the old clock", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT", { second: 10 })];
        await world.admit({ claims, cost: 10 });
        world.clock.nowMs = noon - 1_000_000;
        const before = await world.keys();
        await world.refuse({ claims, cost: 10 });
        expect(await world.keys()).toEqual(before);
        world.clock.nowMs += 1_000;
        await world.refuse({ claims, cost: 10 });
        world.clock.nowMs += 1_000;
        await world.admit({ claims, cost: 10 });
      }));

    test("quotas open at the tenant's midnight and month's end by the store's clock, and the take says the labels", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT", { quotaDay: 2, month: 3 })];
        world.zone = "Asia/Seoul";
        world.clock.nowMs = Date.parse("2026-11-30T14:59:59.999Z");
        world.periodsAtMs = world.clock.nowMs;
        const before = await world.admit({ claims, cost: 2 });
        expect(before).toMatchObject({ dayLabel: 20261130, monthLabel: 202611 });
        await world.refuse({ claims });
        world.clock.nowMs += 1;
        const after = await world.admit({ claims, cost: 2 });
        expect(after).toMatchObject({ dayLabel: 20261201, monthLabel: 202612 });
        expect(world.used(after, 0, "month")).toBe(2);
        world.clock.nowMs += 86_400_000;
        world.periodsAtMs = null;
        const nextDay = await world.admit({ claims });
        expect(nextDay).toMatchObject({ dayLabel: 20261202, monthLabel: 202612 });
        await world.refuse({ claims });
      }));

    test("a clock that steps back over midnight counts in the old day, and finds the new one again", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT", { quotaDay: 10 })];
        const midnight = Date.parse("2026-11-23T00:00:00Z");
        world.clock.nowMs = midnight - 1;
        world.periodsAtMs = midnight;
        await world.admit({ claims, cost: 8 });
        world.clock.nowMs = midnight;
        await world.admit({ claims, cost: 5 });
        world.clock.nowMs = midnight - 1_000;
        expect(await world.admit({ claims, cost: 2 })).toMatchObject({ dayLabel: 20261122 });
        await world.refuse({ claims });
        world.clock.nowMs = midnight + 1_000;
        const again = await world.admit({ claims, cost: 5 });
        expect(again).toMatchObject({ dayLabel: 20261123 });
        expect(world.used(again, 0, "quotaDay")).toBe(10);
      }));

    test("a clock outside the periods handed in takes nothing", () =>
      inWorld(async (world) => {
        const claims = [claim("TENANT", { month: 10 })];
        for (const days of [2, -2]) {
          world.periodsAtMs = noon + days * 86_400_000;
          // May differ: memory throws, for its caller asks the very same clock; a store with a clock of its own is unavailable.
          const outcome = await world.try({ claims }).catch((error: unknown) => error);
          if (outcome instanceof Error) expect(outcome).toBeInstanceOf(RangeError);
          else expect(outcome).toMatchObject({ kind: "unavailable" });
        }
        world.periodsAtMs = null;
        expect(await world.keys()).toEqual([]);
        expect(world.used(await world.take({ claims, cost: 0 }), 0, "month")).toBe(0);
      }));

    const runs = marks.histories ?? 300;
    test(
      `${runs} random histories of scopes, windows, costs, users, periods and clock steps equal the model`,
      { timeout: 10_000 + runs * HISTORY_BUDGET_MS },
      () =>
        inWorld(async (world) => {
          let played = 0;
          await fc.assert(
            fc.asyncProperty(histories, async (history) => {
              played += 1;
              await replay(history, world.counters, `${world.tenant}.${played}`, world.clock);
            }),
            { seed: RANDOM_SEED, numRuns: runs },
          );
        }),
    );
  });
}

type Asked = Partial<TakeCheck> & Pick<TakeCheck, "claims">;

/** One tenant in one store, with the clock to move and the words the tests are written in. */
class World {
  readonly counters: Counters;
  readonly clock: { nowMs: number };
  readonly tenant: string;
  zone = "UTC";
  maxUsersPerDay = 1_000;
  /** Where the periods handed in are computed; null = at the store's clock. */
  periodsAtMs: number | null = null;
  readonly #listKeys: (() => Promise<string[]>) | undefined;

  constructor(counters: Counters, clock: { nowMs: number }, tenant: string, listKeys?: () => Promise<string[]>) {
    this.counters = counters;
    this.clock = clock;
    this.tenant = tenant;
    this.#listKeys = listKeys;
  }

  of(tenant: string): World {
    return new World(this.counters, this.clock, tenant, this.#listKeys);
  }

  try(...asked: readonly Asked[]) {
    const periods = periodsAt(this.zone, this.periodsAtMs ?? this.clock.nowMs);
    const checks = asked.map((check) => ({
      user: ANONYMOUS_USER,
      cost: 1,
      requestId: null,
      usageApi: report,
      ...check,
    }));
    return this.counters.take({ tenant: this.tenant, periods, maxUsersPerDay: this.maxUsersPerDay, checks });
  }

  async take(...asked: readonly Asked[]): Promise<Answered> {
    const taken = await this.try(...asked);
    if (taken.kind === "unavailable") throw new Error(`the store was unavailable: ${taken.cause}`);
    return taken;
  }

  async admit(asked: Asked): Promise<Answered> {
    const taken = await this.take(asked);
    expect(taken.checks[0]).toMatchObject({ admitted: true, replayed: false });
    return taken;
  }

  async refuse(asked: Asked): Promise<Answered> {
    const taken = await this.take(asked);
    expect(taken.checks[0]).toMatchObject({ admitted: false, replayed: false });
    return taken;
  }

  /** What the first check of a take leaves used in a window of its n-th claim. */
  used(taken: Answered, claimIndex: number, window: Window): number {
    return this.usedIn(taken, taken.checks[0], claimIndex, window);
  }

  usedIn(taken: Answered, check: TakenCheck | undefined, claimIndex: number, window: Window): number {
    const state = check?.states[claimIndex];
    if (state === undefined) throw new Error(`the take has no state of claim ${claimIndex}`);
    return windowUsed(state, window, taken.nowMs, taken);
  }

  /** This tenant's keys in the store, sorted; none where the store cannot list them. */
  async keys(): Promise<string[]> {
    const all = (await this.#listKeys?.()) ?? [];
    return all.filter((key) => key.includes(this.tenant)).sort();
  }
}

type Capacities = Partial<Record<Window, number>>;

function claim(scope: Scope, enforced: Capacities, more: { api?: string; shadow?: Capacities } = {}): Claim {
  const limits = (capacities: Capacities): WindowLimit[] =>
    Object.entries(capacities).map(([window, capacity]) => ({
      window: window as Window,
      capacity,
      source: { policyId: "p-1", target: "TENANT", scope },
    }));
  return { scope, api: more.api ?? null, enforced: limits(enforced), shadow: limits(more.shadow ?? {}) };
}
