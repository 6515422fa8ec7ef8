import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";

const root = join(import.meta.dirname, "..");
const REQUIREMENT_COUNT = 90;

type Requirement = Readonly<{
  id: number;
  requirement: string;
  artefact: string;
  test: string;
  state: string;
  files?: readonly string[];
}>;

const text = readFileSync(join(root, "docs", "requirements.yaml"), "utf8");
const { requirements } = parse(text) as { requirements: readonly Requirement[] };
const shown = requirements.filter(({ state }) => state !== "open");

test("all 90 requirements are there, once each and in order", () => {
  const ids = Array.from({ length: REQUIREMENT_COUNT }, (_, index) => index + 1);
  expect(requirements.map(({ id }) => id)).toEqual(ids);
});

test("each says what is demanded, what has to exist, what has to run, and how it stands", () => {
  const faulty = requirements.filter(
    ({ requirement, artefact, test: proof, state }) =>
      [requirement, artefact, proof].some((words) => typeof words !== "string" || words.trim() === "") ||
      !["open", "partial", "done"].includes(state),
  );
  expect(faulty).toEqual([]);
});

test("what is partial or done names files that exist, a test among them; what is open names none", () => {
  for (const { id, files = [] } of shown) {
    expect([id, files.filter((file) => !existsSync(join(root, file)))]).toEqual([id, []]);
    expect([id, files.some((file) => file.includes(".test."))]).toEqual([id, true]);
  }
  expect(requirements.filter(({ state, files }) => state === "open" && files !== undefined)).toEqual([]);
});
