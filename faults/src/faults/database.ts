// What faults of PostgreSQL have in common: administrators go on making changes, and checks must not notice anything.
import type { PostgresFailover } from "../../../stack/src/postgres-failover.ts";
import type { StackOptions } from "../../../stack/src/stack.ts";
import { type AdminWriter, firstWriteAfterMs, longestPauseMs } from "../lab/admin-writer.ts";
import { type Alarm, alarmedWithin, strikeAndTellAlarm } from "../lab/alarm.ts";
import { COUNTS_KEPT, EVERY_FAULT, NO_FALLBACK, RATES_HOLD } from "../lab/expectations.ts";
import type { Expectation, Fault, World } from "../lab/fault.ts";
import { ADMIN_LOST, administratorsAtWork, everyTenant } from "./parts.ts";

const ADMIN_BACK_MS = "adminWritesMs";

export type DatabaseFault = Pick<Fault, "id" | "name" | "about" | "faultMs" | "recoveryMs"> &
  Readonly<{
    /** Beside a PostgreSQL that fails over. */
    stack?: Omit<StackOptions, "postgres">;
    strike: (failover: PostgresFailover, world: World) => Promise<void>;
    /** From the strike, unless it is from the mending. */
    adminBackMs: number;
    adminBackFrom: "strike" | "mending";
    /** What operators must hear, and within what time from the strike. */
    alarm?: Readonly<{ alarm: Alarm; withinMs: number; why: string }>;
    mend?: (failover: PostgresFailover, world: World) => Promise<void>;
  }>;

export function databaseFault(fault: DatabaseFault): Fault {
  const { stack, strike, mend, alarm, adminBackMs, adminBackFrom, ...shown } = fault;
  let writer: AdminWriter | null = null;
  let sinceMs = 0;
  return {
    ...shown,
    stack: { ...stack, postgres: "auto_failover" },
    inflict: async (world) => {
      writer = await administratorsAtWork(world);
      sinceMs = Date.now();
      const struck = () => strike(failoverOf(world), world);
      if (alarm === undefined) await struck();
      else await strikeAndTellAlarm(world, alarm, struck);
      return everyTenant(world);
    },
    ...(mend !== undefined && {
      mend: async (world: World) => {
        if (adminBackFrom === "mending") sinceMs = Date.now();
        await mend(failoverOf(world), world);
      },
    }),
    inspect: async (world) => {
      const stoppedMs = Date.now();
      await writer?.stop();
      if (writer === null) return;
      const { writes } = writer;
      const backMs =
        adminBackFrom === "strike" ? longestPauseMs(writes, sinceMs, stoppedMs) : firstWriteAfterMs(writes, sinceMs);
      world.tell(ADMIN_BACK_MS, backMs);
      world.tell(ADMIN_LOST, await writer.lost());
    },
    expectations: [
      ...[...EVERY_FAULT, NO_FALLBACK, ...COUNTS_KEPT, RATES_HOLD],
      ...adminExpectations(adminBackMs),
      ...(alarm === undefined ? [] : [alarmedWithin(alarm.withinMs, alarm.why)]),
    ],
  };
}

function adminExpectations(adminBackMs: number): Expectation[] {
  return [
    { figure: ADMIN_BACK_MS, atMost: adminBackMs, why: "administrators can write again" },
    { figure: ADMIN_LOST, atMost: 0, why: "what was acknowledged is on both nodes" },
  ];
}

function failoverOf({ stack }: World): PostgresFailover {
  if (stack.failover === null) throw new Error("This fault needs a PostgreSQL that fails over: set postgres.");
  return stack.failover;
}
