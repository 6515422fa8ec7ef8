import { expect, test } from "vitest";
import { MAX_KEY_INTEGERS, MAX_RESOLUTIONS, ResolutionMemo } from "./resolve-memo.ts";
import type { Resolution } from "./snapshot.ts";
import { IntegerList } from "./trie-integers.ts";

test("finds what was kept under the same integers, and nothing under others", () => {
  const memo = new ResolutionMemo();
  const keys = [[], [0], [0, 0], [1], [1, 2], [2, 1], [1, 2, -1], [-1, 1, 2]];
  for (const [index, key] of keys.entries()) memo.keep(listOf(key), resolution(index));
  for (const [index, key] of keys.entries()) expect(memo.find(listOf(key))?.usageApi).toBe(`api ${index}`);
  expect(memo.find(listOf([2]))).toBeNull();
  expect(memo.find(listOf([1, 2, -2]))).toBeNull();
});

test("keeps a bounded number, and of these what is in use", () => {
  const memo = new ResolutionMemo();
  memo.keep(listOf([-1]), resolution(-1));
  for (let index = 0; index < 5 * MAX_RESOLUTIONS; index += 1) {
    memo.keep(listOf([index]), resolution(index));
    expect(memo.find(listOf([-1]))?.usageApi).toBe("api -1");
  }
  expect(memo.size).toBeLessThanOrEqual(2 * MAX_RESOLUTIONS);
  expect(memo.find(listOf([0]))).toBeNull();
  expect(memo.find(listOf([5 * MAX_RESOLUTIONS - 1]))).not.toBeNull();
});

test("keeps a bounded number of integers, however long the keys are", () => {
  const memo = new ResolutionMemo();
  const long = Array.from({ length: 10_000 }, (_, index) => index);
  for (let index = 0; index < 200; index += 1) memo.keep(listOf([index, ...long]), resolution(index));
  expect(memo.size).toBeLessThanOrEqual((2 * MAX_KEY_INTEGERS) / 10_000);
  expect(memo.find(listOf([199, ...long]))?.usageApi).toBe("api 199");
});

function listOf(values: readonly number[]): IntegerList {
  const list = new IntegerList();
  for (const value of values) list.push(value);
  return list;
}

function resolution(number: number): Resolution {
  return { claims: [], blocked: null, usageApi: `api ${number}`, fallback: null };
}
