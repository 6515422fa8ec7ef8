import fc from "fast-check";
import { expect, test } from "vitest";
import { ATTEMPT_KINDS, type Attempts, counted, FORGOTTEN_AFTER_MS, pardoned, waitMs } from "./login-delays.ts";

const NO_ATTEMPTS: Attempts = { failures: 0, lastAtMs: 0 };
const NOON_MS = Date.UTC(2026, 10, 22, 12);
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const LONGEST_MS = 15 * MINUTE_MS;

/** Guesses as fast as it is let, from `startMs` to `endMs`. */
function guess(kind: (typeof ATTEMPT_KINDS)[number], startMs: number, endMs: number) {
  let attempts: Attempts = NO_ATTEMPTS;
  let nowMs = startMs;
  const waits: number[] = [];
  while (nowMs < endMs) {
    attempts = counted(kind, attempts, nowMs);
    waits.push(waitMs(kind, attempts, nowMs));
    nowMs += Math.max(1, waits.at(-1) ?? 0);
  }
  return { attempts, waits, nowMs };
}

test("ten wrong passwords are free, then the delay doubles to a quarter of an hour and grows no more", () => {
  const { waits } = guess("ACCOUNT", NOON_MS, NOON_MS + DAY_MS);
  expect(waits.slice(0, 9)).toEqual(Array(9).fill(0));
  const seconds = waits.slice(9, 21).map((wait) => wait / 1_000);
  expect(seconds).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
  expect(Math.max(...waits)).toBe(LONGEST_MS);
});

test("who guesses without a rest has about a hundred tries a day at one account", () => {
  expect(guess("ACCOUNT", NOON_MS, NOON_MS + DAY_MS).waits.length).toBeLessThan(120);
});

test("a network that goes on guessing comes down to one try a minute, and all together to one in ten seconds", () => {
  const perHour = (kind: "NETWORK" | "EVERYONE") => guess(kind, NOON_MS, NOON_MS + DAY_MS).waits.length / 24;
  expect(perHour("NETWORK")).toBeLessThan(70);
  expect(perHour("EVERYONE")).toBeLessThan(400);
});

test("a day of rest makes everything as if nothing had been", () => {
  for (const kind of ATTEMPT_KINDS) {
    const { attempts, nowMs } = guess(kind, NOON_MS, NOON_MS + DAY_MS);
    const after = counted(kind, attempts, nowMs + FORGOTTEN_AFTER_MS);
    expect(after).toEqual({ failures: 1, lastAtMs: nowMs + FORGOTTEN_AFTER_MS });
  }
  expect(FORGOTTEN_AFTER_MS).toBeLessThanOrEqual(DAY_MS);
});

test("whatever happened, and however wrong a clock was, nobody waits longer than a quarter of an hour", () => {
  const steps = fc.array(fc.integer({ min: -DAY_MS, max: DAY_MS }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(fc.constantFrom(...ATTEMPT_KINDS), steps, (kind, moves) => {
      let attempts: Attempts = NO_ATTEMPTS;
      let nowMs = NOON_MS;
      for (const move of moves) {
        nowMs += move;
        attempts = counted(kind, attempts, nowMs);
        expect(waitMs(kind, attempts, nowMs)).toBeLessThanOrEqual(LONGEST_MS);
        expect(waitMs(kind, attempts, nowMs - DAY_MS)).toBeLessThanOrEqual(LONGEST_MS);
      }
    }),
    { seed: 3, numRuns: 200 },
  );
});

test("a right password clears its account, and takes back no more than its own try from what all share", () => {
  const many = { failures: 50, lastAtMs: NOON_MS };
  expect(pardoned("ACCOUNT", many).failures).toBe(0);
  expect(pardoned("FAMILIAR", many).failures).toBe(0);
  expect(pardoned("NETWORK", many).failures).toBe(49);
  expect(pardoned("EVERYONE", many).failures).toBe(49);
  expect(pardoned("EVERYONE", NO_ATTEMPTS).failures).toBe(0);
});
