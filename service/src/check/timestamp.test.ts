import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseTimestamp } from "./timestamp.ts";

test("what Temporal reads as an instant is read as the same instant", () => {
  const instant = fc.tuple(
    fc.date({ min: new Date("0001-01-02T00:00:00Z"), max: new Date("9999-12-30T00:00:00Z"), noInvalidDate: true }),
    fc.constantFrom("Z", "+00:00", "-00:00", "+09:00", "-03:30", "+23:59", "z"),
    fc.constantFrom("", ".1", ".12", ".123456789"),
  );
  const property = fc.property(instant, ([date, offset, fraction]) => {
    const text = date.toISOString().slice(0, 19) + fraction + offset;
    expect(parseTimestamp(text)).toBe(Temporal.Instant.from(text).epochMilliseconds);
  });
  fc.assert(property, { seed: 20261122, numRuns: 1_000 });
});

test("a leap second is the second after it", () => {
  expect(parseTimestamp("2016-12-31T23:59:60Z")).toBe(Date.parse("2017-01-01T00:00:00Z"));
});

test.for([
  "",
  "now",
  "2026-11-22",
  "2026-11-22T10:00:00",
  "2026-11-22T10:00Z",
  "2026-13-01T00:00:00Z",
  "2026-00-01T00:00:00Z",
  "2026-02-29T00:00:00Z",
  "2026-04-31T00:00:00Z",
  "2026-11-22T24:00:00Z",
  "2026-11-22T10:60:00Z",
  "2026-11-22T10:00:61Z",
  "2026-11-22T10:00:00+24:00",
  "2026-11-22T10:00:00.1234567890Z",
  "2026-11-22T10:00:00Z\n",
  "+002026-11-22T10:00:00Z",
  "١٩٢٦-11-22T10:00:00Z",
])("%j is no timestamp", (text) => {
  expect(parseTimestamp(text)).toBe(null);
});
