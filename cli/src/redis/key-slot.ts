// The slot of a key: that of its hash tag, or of the whole key where it has none (Redis Cluster specification). Pure.
import { slotOf } from "@sluice/service/counters/topology.ts";

const OPENING = "{".charCodeAt(0);
const CLOSING = "}".charCodeAt(0);

/** Keys are bytes, not text. */
export function slotOfKey(key: Uint8Array): number {
  const begin = key.indexOf(OPENING) + 1;
  const end = begin === 0 ? -1 : key.indexOf(CLOSING, begin);
  return slotOf(end > begin ? key.subarray(begin, end) : key);
}
