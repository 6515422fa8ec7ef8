import { expect, test } from "vitest";
import { createLog } from "./log.ts";
import { Secret } from "./secret.ts";

test("a line is one JSON object with its level in words, and no secret in it", () => {
  const lines: string[] = [];
  const log = createLog("info", { worker: 1 }, { write: (line) => void lines.push(line) });
  log.info(
    { password: "hunter2", redis: { url: "redis://:hunter2@a", tls: { key: "hunter2" } }, at: new Secret("hunter2") },
    "started",
  );
  log.debug("not said");
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "info", worker: 1, msg: "started", at: "***" });
  expect(lines[0]).not.toContain("hunter2");
});
