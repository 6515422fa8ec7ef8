import { expect, test } from "vitest";
import { ArgumentFault, readArguments } from "./arguments.ts";

const scenarios = ["batch", "latency"];

test("without arguments every scenario runs in full", () => {
  expect(readArguments([], scenarios)).toMatchObject({ only: [], quick: false, profile: null });
});

test("--only may be repeated", () => {
  expect(readArguments(["--only", "batch", "--only", "latency", "--quick"], scenarios)).toMatchObject({
    only: ["batch", "latency"],
    quick: true,
  });
});

test("an unknown scenario is refused, naming those that exist", () => {
  expect(() => readArguments(["--only", "latencies"], scenarios)).toThrow(/"latencies".*batch, latency/);
});

test("an unknown option is the caller's fault, not a crash", () => {
  expect(() => readArguments(["--fast"], scenarios)).toThrow(ArgumentFault);
});
