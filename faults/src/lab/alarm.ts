// How soon a metric tells of a fault: what an alarm can stand on, whatever gathers the metrics adds to it.
import type { Expectation, World } from "./fault.ts";

/** Rarely enough that asking is no load. */
const ASK_EVERY_MS = 1_000;
const ALARM_MS = "alarmMs";

/** Lines of a page of metrics, all of which must be there. */
export type Alarm = readonly RegExp[];

export const ALONE_ON_ONE_SERVER: Alarm = [/^sluice_postgres_synchronous 0$/m];
export const COMMITS_HANG: Alarm = [/^sluice_postgres_synchronous 1$/m, /^sluice_postgres_standbys 0$/m];
export const NOBODY_TO_TAKE_OVER: Alarm = [/^sluice_store_masters_without_replica [1-9]/m];
export const SLOTS_WITHOUT_OWNER: Alarm = [/^sluice_store_slots_without_owner [1-9]/m];

export function alarmedWithin(atMostMs: number, why: string): Expectation {
  return { figure: ALARM_MS, atMost: atMostMs, why };
}

/**
 * Strikes, and resolves when the first instance says so, or with the figure "never" `withinMs` later. Throws when it says so
 * before: what always rings tells nothing.
 */
export async function strikeAndTellAlarm(
  { stack, pause, tell }: World,
  { alarm, withinMs }: Readonly<{ alarm: Alarm; withinMs: number }>,
  strike: () => Promise<unknown>,
): Promise<void> {
  const [instance] = stack.instances;
  if (instance === undefined) throw new Error("The stack has no instance that could tell.");
  const isRaised = async () => {
    const page = await instance.metrics();
    return alarm.every((line) => line.test(page));
  };
  if (await isRaised()) throw new Error(`Before the fault there is already: ${alarm.join(", ")}.`);
  await strike();
  const sinceMs = performance.now();
  while (!(await isRaised())) {
    if (performance.now() - sinceMs > withinMs) return tell(ALARM_MS, Number.POSITIVE_INFINITY);
    await pause(ASK_EVERY_MS);
  }
  tell(ALARM_MS, performance.now() - sinceMs);
}
