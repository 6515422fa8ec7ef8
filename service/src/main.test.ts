import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { startProcess } from "../test/processes.ts";
import { waitFor } from "../test/wait.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

async function startedWith(words: readonly string[], environment: Readonly<Record<string, string>>) {
  const env = { PATH: process.env.PATH ?? "", ...environment };
  const running = await startProcess(process.execPath, [MAIN, ...words], { env });
  const code = await running.ended;
  // What it wrote last may arrive after the news of its end.
  await waitFor("its last words", () => running.output().endsWith("\n"));
  return { code, said: running.output() };
}

test("an argument that the service does not have ends it before anything is started", async () => {
  const { code, said } = await startedWith(["--help"], {});
  expect(said).toBe("--help is no argument of the service: it takes --demo, and its settings are SLUICE_* variables\n");
  expect(code).toBe(2);
});

test("every faulty setting is named before anything is started", async () => {
  const { code, said } = await startedWith([], { SLUICE_PORT: "web", SLUICE_CHECK_DEADLINE_MS: "-1" });
  expect(said).toMatch(/^SLUICE_PORT .*$/m);
  expect(said).toMatch(/^SLUICE_CHECK_DEADLINE_MS .*$/m);
  expect(code).toBe(2);
});
