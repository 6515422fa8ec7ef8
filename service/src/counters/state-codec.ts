// Reads the packed state of a counter: the bytes that state.lua describes. A state that does not exist is empty.
// Throws on an unknown format: the store treats that as a broken reply.
import type { QuotaEntry, QuotaState } from "../limits/quota.ts";
import type { SlidingState } from "../limits/sliding-window.ts";
import type { CounterState } from "./counters.ts";

const FORMAT = 1;
const SLIDING_AT = 8;
const QUOTAS_AT = 50;
const PREVIOUS_AT = 86;
/** Length without previous periods, and the tenant's own tail; see state.lua. */
const BYTES_WITHOUT_PREVIOUS = 86;
const TENANT_BYTES = 15;

const NO_SLIDING: SlidingState = { bucket: 0, current: 0, previous: 0 };
const NO_ENTRY: QuotaEntry = { label: 0, base: 0, since: 0 };
const NO_QUOTA: QuotaState = { current: NO_ENTRY, previous: NO_ENTRY };
const EMPTY: CounterState = {
  second: NO_SLIDING,
  minute: NO_SLIDING,
  day: NO_SLIDING,
  quotaDay: NO_QUOTA,
  month: NO_QUOTA,
};

export function decodeState(packed: Buffer, ofTenant: boolean): CounterState {
  if (packed.length === 0) return EMPTY;
  if (packed[0] !== FORMAT) throw new Error(`a counter's state has the unknown format ${packed[0]}`);
  const hasPrevious = packed.length - (ofTenant ? TENANT_BYTES : 0) > BYTES_WITHOUT_PREVIOUS;
  return {
    second: sliding(packed, SLIDING_AT),
    minute: sliding(packed, SLIDING_AT + 14),
    day: sliding(packed, SLIDING_AT + 28),
    quotaDay: quota(packed, QUOTAS_AT, hasPrevious ? PREVIOUS_AT : 0),
    month: quota(packed, QUOTAS_AT + 18, hasPrevious ? PREVIOUS_AT + 18 : 0),
  };
}

function sliding(packed: Buffer, at: number): SlidingState {
  return {
    bucket: packed.readUInt32LE(at),
    current: packed.readUIntLE(at + 4, 5),
    previous: packed.readUIntLE(at + 9, 5),
  };
}

function quota(packed: Buffer, at: number, previousAt: number): QuotaState {
  return { current: entry(packed, at), previous: previousAt === 0 ? NO_ENTRY : entry(packed, previousAt) };
}

function entry(packed: Buffer, at: number): QuotaEntry {
  return { label: packed.readUInt32LE(at), base: sevenBytes(packed, at + 4), since: sevenBytes(packed, at + 11) };
}

function sevenBytes(packed: Buffer, at: number): number {
  return packed.readUIntLE(at, 4) + packed.readUIntLE(at + 4, 3) * 2 ** 32;
}
