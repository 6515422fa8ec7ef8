import { expect, test } from "vitest";
import { createTraceIds } from "./trace.ts";

const OURS = /^0123456789abcdef0123[0-9a-f]{12}$/;
const traceIds = createTraceIds("0123456789abcdef0123");

test.for([
  "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-may-bring",
])("the trace id of %s is the caller's", (traceparent) => {
  expect(traceIds(traceparent)).toBe("4bf92f3577b34da6a3ce929d0e0e4736");
});

test.for([
  undefined,
  "",
  "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
  "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
  "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
  "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
  '00-4bf92f3577b34da6a3ce929d0e0e4736"-00f067aa0ba902b7-01',
])("%j is no trace of the caller's, so it gets one of ours", (traceparent) => {
  expect(traceIds(traceparent)).toMatch(OURS);
});

test("no two of ours are equal, nor those of two processes", () => {
  const other = createTraceIds();
  const issued = Array.from({ length: 1000 }, (_, index) => (index % 2 === 0 ? traceIds : other)(undefined));
  expect(new Set(issued).size).toBe(1000);
  for (const id of issued) expect(id).toMatch(/^[0-9a-f]{32}$/);
});
