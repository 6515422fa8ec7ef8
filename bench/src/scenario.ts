// What a scenario is, what it reports, and how thorough a pass is.
import type { World } from "./world.ts";

export type Scenario = Readonly<{
  name: string;
  /** One sentence: what is compared with what. */
  about: string;
  run: (world: World, pace: Pace) => Promise<Figure[]>;
}>;

export type Goal = Readonly<{ kind: "at_most" | "at_least"; value: number }>;

export type Figure = Readonly<{
  name: string;
  unit: string;
  /** The median over the rounds, where there is more than one. */
  value: number;
  /** Between these lies the middle half of the rounds; null for what was measured once. */
  middleHalf: readonly [number, number] | null;
  goal: Goal | null;
}>;

export type Report = Readonly<{
  scenario: string;
  about: string;
  /** Share of the machine's CPU time that went to processes which are not the bench's, 0..1. */
  othersShare: number;
  /** Share that the hypervisor gave to other machines, 0..1. */
  stolenShare: number;
  figures: readonly Figure[];
}>;

/**
 * Seconds of one window, and how many of each variant; variants take turns. Many short windows instead of few long ones:
 * what else the machine does changes within seconds, and both sides of a ratio should meet the same.
 */
export type Pace = Readonly<{
  warmUpSeconds: number;
  windowSeconds: number;
  rounds: number;
  /** Tenants of the scenarios that need many. */
  manyTenants: number;
  manyPolicies: number;
  memoryTenants: number;
  changes: number;
}>;

export const FULL: Pace = {
  warmUpSeconds: 3,
  windowSeconds: 1,
  rounds: 16,
  manyTenants: 100_000,
  manyPolicies: 10_000,
  memoryTenants: 10_000,
  changes: 20,
};

export const QUICK: Pace = {
  warmUpSeconds: 1,
  windowSeconds: 0.5,
  rounds: 3,
  manyTenants: 5_000,
  manyPolicies: 1_000,
  memoryTenants: 500,
  changes: 3,
};

export function atMost(value: number): Goal {
  return { kind: "at_most", value };
}

export function atLeast(value: number): Goal {
  return { kind: "at_least", value };
}

/** Null for a figure without a goal. */
export function isMet({ value, goal }: Figure): boolean | null {
  if (goal === null) return null;
  return goal.kind === "at_most" ? value <= goal.value : value >= goal.value;
}
