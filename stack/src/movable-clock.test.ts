import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RedisNode, startRedis } from "../../service/test/redis.ts";
import { describeWith } from "../../service/test/services.ts";
import { clockEnvironment, moveClock } from "./movable-clock.ts";

const HOUR_MS = 3_600_000;

describeWith(["redis-server", "libfaketime"], "a movable clock", () => {
  let folder: string;
  let redis: RedisNode;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-clock-"));
    redis = await startRedis({ environment: () => clockEnvironment(join(folder, "clock")) });
  });
  afterAll(async () => {
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** To the hour: a busy machine is slow to answer. */
  const hoursAhead = async () => {
    const [seconds] = (await redis.command("TIME")) as string[];
    return Math.round((Number(seconds) * 1_000 - Date.now()) / HOUR_MS);
  };
  const move = (hours: number) => moveClock(join(folder, "clock"), hours * HOUR_MS);

  test("is the machine's until it is moved", async () => {
    expect(await hoursAhead()).toBeCloseTo(0);
  });

  test("counts at once, ahead and behind, and for scripts", async () => {
    await move(5);
    expect(await hoursAhead()).toBe(5);
    await move(-3);
    expect(await hoursAhead()).toBe(-3);
    const seconds = await redis.command("EVAL", "return redis.call('TIME')[1]", 0);
    expect(Math.round((Number(seconds) * 1_000 - Date.now()) / HOUR_MS)).toBe(-3);
  });

  test("outlives the process", async () => {
    await move(2);
    await redis.restart();
    expect(await hoursAhead()).toBe(2);
  });

  test("makes keys expire", async () => {
    await move(0);
    await redis.command("SET", "key", "held", "PX", HOUR_MS / 2);
    await move(1);
    expect(await redis.command("GET", "key")).toBeNull();
  });
});
