import { readFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

const SERVICE = join(import.meta.dirname, "../service/src");

test("every advisory lock has a number of its own: two purposes under one would wait for each other", async () => {
  const numbers: string[] = [];
  for await (const file of glob("**/*.ts", { cwd: SERVICE })) {
    const text = readFileSync(join(SERVICE, file), "utf8");
    for (const [, number] of text.matchAll(/_LOCK = ([\d_]+);/g)) numbers.push(number ?? "");
  }
  expect(numbers.length).toBeGreaterThan(5);
  expect(new Set(numbers).size).toBe(numbers.length);
});
