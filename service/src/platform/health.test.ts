import { expect, test } from "vitest";
import { createHealth } from "./health.ts";

const well = () => ({ healthy: true, detail: "well" });
const ill = () => ({ healthy: false, detail: "gone" });

test("it is ready from the end of the start to the beginning of the end", () => {
  const health = createHealth();
  health.part("doors", true, well);
  expect(health.report()).toMatchObject({ ready: false, phase: "starting" });
  health.start();
  expect(health.report()).toMatchObject({ ready: true, phase: "running" });
  health.stop();
  expect(health.report()).toMatchObject({ ready: false, phase: "stopping" });
  health.start();
  expect(health.report()).toMatchObject({ ready: false, phase: "stopping" });
});

test("a required part decides, another is only shown", () => {
  const health = createHealth();
  health.start();
  health.part("redis", false, ill);
  expect(health.report()).toMatchObject({
    ready: true,
    parts: { redis: { healthy: false, required: false, detail: "gone" } },
  });
  health.part("doors", true, ill);
  expect(health.report().ready).toBe(false);
});

test("a part that throws is not well", () => {
  const health = createHealth();
  health.start();
  health.part("doors", true, () => {
    throw new Error("no idea");
  });
  expect(health.report()).toMatchObject({ ready: false, parts: { doors: { healthy: false, detail: "no idea" } } });
});
