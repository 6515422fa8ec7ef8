// Lets variants take turns: A B A B ..., after a warm-up of each, so that a slow minute of the machine hits all alike.
import type { Pace } from "./scenario.ts";

export type Variants<Name extends string, Sample> = Readonly<Record<Name, (seconds: number) => Promise<Sample>>>;

/** The samples of each variant, one per round. Rounds go in turn forwards and backwards, so none is always first. */
export async function takeTurns<Name extends string, Sample>(
  variants: Variants<Name, Sample>,
  pace: Pick<Pace, "warmUpSeconds" | "windowSeconds" | "rounds">,
): Promise<Record<Name, Sample[]>> {
  const names = Object.keys(variants) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as Sample[]])) as Record<Name, Sample[]>;
  for (const name of names) await variants[name](pace.warmUpSeconds);
  for (let round = 0; round < pace.rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      samples[name].push(await variants[name](pace.windowSeconds));
    }
  }
  return samples;
}
