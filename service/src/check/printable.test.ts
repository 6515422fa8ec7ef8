import { expect, test } from "vitest";
import { isPrintable } from "./printable.ts";

test.for(["u-17", " ", "홍길동", "👩‍💻", "می‌خواهم", "{a}:b*?[c]", "e\u0301", "\ue000", "\u{10fffd}", "\u0378"])(
  "%j is printable",
  (text) => {
    expect(isPrintable(text)).toBe(true);
  },
);

test.for([
  "\u0000",
  "a\nb",
  "a\tb",
  "\u007f",
  "\u0085",
  "\ud800",
  "a\udc00",
  "\udc00\ud800",
  "\u2028",
  "\u2029",
  "\u202e",
  "\ufeff",
  "\u200b",
  "\u00ad",
  "\ufffe",
  "\u{1ffff}",
])("%j is not printable", (text) => {
  expect(isPrintable(text)).toBe(false);
});
