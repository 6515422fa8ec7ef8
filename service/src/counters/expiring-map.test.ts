import { expect, test } from "vitest";
import { ExpiringMap } from "./expiring-map.ts";

test("an entry is absent from the instant it ends", () => {
  const map = new ExpiringMap<number>();
  map.put("a", 1, 100, 0);
  expect(map.get("a", 99)).toBe(1);
  expect(map.get("a", 100)).toBeUndefined();
  expect(map.get("b", 0)).toBeUndefined();
});

test("a later put changes the value and never shortens the life", () => {
  const map = new ExpiringMap<number>();
  map.put("a", 1, 100, 0);
  map.put("a", 2, 50, 0);
  expect(map.get("a", 99)).toBe(2);
  map.put("a", 3, 200, 0);
  expect(map.get("a", 199)).toBe(3);
});

test("ended entries never outnumber the living for long, under a steady stream of new ones", () => {
  const map = new ExpiringMap<number>();
  let most = 0;
  for (let now = 0; now < 20_000; now += 1) {
    map.put(`k${now}`, now, now + 100, now);
    most = Math.max(most, map.keys().length);
  }
  expect(most).toBeLessThanOrEqual(400);
  expect(map.get("k19999", 19_999)).toBe(19_999);
  expect(map.get("k19950", 19_999)).toBe(19_950);
});

test("beyond its bound the oldest entry makes room", () => {
  const map = new ExpiringMap<number>(3);
  for (const key of ["a", "b", "c", "d"]) map.put(key, 1, 1_000, 0);
  expect(map.keys()).toEqual(["b", "c", "d"]);
});
