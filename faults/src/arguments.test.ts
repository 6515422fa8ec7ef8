import { expect, test } from "vitest";
import { readArguments } from "./arguments.ts";

const FAULTS = ["F1", "F9"];

test("three runs of all faults, unless something else is wanted; the short set runs once", () => {
  expect(readArguments([], FAULTS)).toMatchObject({ only: [], runs: 3, short: false, publish: false });
  expect(readArguments(["--short"], FAULTS)).toMatchObject({ short: true, runs: 1 });
  expect(readArguments(["--only", "F9,F1", "--runs", "2"], FAULTS)).toMatchObject({ only: ["F9", "F1"], runs: 2 });
});

test("what cannot be done is said before anything is started", () => {
  expect(() => readArguments(["--only", "F99"], FAULTS)).toThrow("no fault F99: choose of F1, F9");
  expect(() => readArguments(["--runs", "0"], FAULTS)).toThrow("--runs");
  expect(() => readArguments(["--rate", "many"], FAULTS)).toThrow("--rate");
  expect(() => readArguments(["--publish", "--runs", "2"], FAULTS)).toThrow("3 runs");
  expect(() => readArguments(["--publish", "--short"], FAULTS)).toThrow("3 runs");
  expect(() => readArguments(["--speed"], FAULTS)).toThrow("--speed");
});
