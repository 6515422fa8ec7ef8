// Which slots an operator means: `12-20,33`. Pure.

export const SLOT_COUNT = 16_384;

/** The slots of a list of numbers and ranges, ascending and once each; or what is wrong with it. */
export function parseSlotList(text: string): Readonly<{ slots: number[] }> | Readonly<{ fault: string }> {
  const slots = new Set<number>();
  for (const part of text.split(",")) {
    const range = /^\s*(\d{1,5})(?:-(\d{1,5}))?\s*$/.exec(part);
    const first = Number(range?.[1]);
    const last = Number(range?.[2] ?? range?.[1]);
    if (!range || last >= SLOT_COUNT || first > last) {
      return {
        fault: `"${part}" is neither a slot nor a range. Write slots from 0 to ${SLOT_COUNT - 1}, like 12-20,33.`,
      };
    }
    for (let slot = first; slot <= last; slot++) slots.add(slot);
  }
  return { slots: [...slots].sort((a, b) => a - b) };
}
