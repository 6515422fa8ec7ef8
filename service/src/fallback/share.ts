// What one of several workers may give out of an amount when they cannot ask each other. Pure.
//
// At least one each: the amount divided alike, rounded down, the same in every window.
// Less than one each: in every window exactly `amount` workers have a turn, and a turn is worth one. The turns move on
// with the window, so every worker gets one within ceil(workers / amount) windows and the sum of all never exceeds the
// amount in any window, provided the ordinals differ. Ordinals that collide (a hash, a restart) only shift it: on
// average over the windows the sum is still the amount.

export type Portion = Readonly<{ workers: number; ordinal: number }>;

/** This worker's share of `amount` in the window numbered `bucket`. */
export function shareOf(amount: number, portion: Portion, bucket: number): number {
  if (isWhole(amount, portion)) return Math.floor(amount / portion.workers);
  return hasTurn(amount, portion, bucket) ? 1 : 0;
}

/** True when every worker has a share in every window. */
export function isWhole(amount: number, portion: Portion): boolean {
  return amount >= portion.workers;
}

/** How many windows after `bucket` the next turn comes, ≥ 1. `amount` must be ≥ 1. */
export function windowsToNextTurn(amount: number, portion: Portion, bucket: number): number {
  let windows = 1;
  while (!hasTurn(amount, portion, bucket + windows)) windows += 1;
  return windows;
}

function hasTurn(amount: number, portion: Portion, bucket: number): boolean {
  return (portion.ordinal + bucket * amount) % portion.workers < amount;
}
