// Reads the packed state of a counter, as a reply of take.lua shows it: the bytes that state.lua describes, without what is
// the tenant's own, and with previous periods or without. Throws on an unknown format: the store takes that for a broken reply.
import type { QuotaEntry, QuotaState } from "../limits/quota.ts";
import type { SlidingState } from "../limits/sliding-window.ts";
import type { CounterState } from "./counters.ts";

const FORMAT = 1;
const SLIDING_AT = 8;
const QUOTAS_AT = 50;
/** Length of a state without previous periods, and with them. */
export const HEAD_BYTES = 86;
export const WHOLE_BYTES = 122;

const NO_ENTRY: QuotaEntry = { label: 0, base: 0, since: 0 };

/** The state that begins at `start` and is `length` bytes long, HEAD_BYTES or WHOLE_BYTES. */
export function decodeState(bytes: Buffer, start: number, length: number): CounterState {
  if (bytes[start] !== FORMAT) throw new Error(`a counter's state has the unknown format ${bytes[start]}`);
  const previousAt = length === WHOLE_BYTES ? start + HEAD_BYTES : null;
  return {
    second: sliding(bytes, start + SLIDING_AT),
    minute: sliding(bytes, start + SLIDING_AT + 14),
    day: sliding(bytes, start + SLIDING_AT + 28),
    quotaDay: quota(bytes, start + QUOTAS_AT, previousAt),
    month: quota(bytes, start + QUOTAS_AT + 18, previousAt === null ? null : previousAt + 18),
  };
}

/** The generation that the state at `start` was counted in. */
export function readGeneration(bytes: Buffer, start: number): number {
  return readUInt56(bytes, start + 1);
}

function sliding(bytes: Buffer, at: number): SlidingState {
  return {
    bucket: bytes.readUInt32LE(at),
    current: bytes.readUIntLE(at + 4, 5),
    previous: bytes.readUIntLE(at + 9, 5),
  };
}

function quota(bytes: Buffer, at: number, previousAt: number | null): QuotaState {
  return { current: entry(bytes, at), previous: previousAt === null ? NO_ENTRY : entry(bytes, previousAt) };
}

function entry(bytes: Buffer, at: number): QuotaEntry {
  return { label: bytes.readUInt32LE(at), base: readUInt56(bytes, at + 4), since: readUInt56(bytes, at + 11) };
}

export function readUInt56(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUIntLE(at + 4, 3) * 2 ** 32;
}
