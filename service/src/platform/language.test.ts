import { expect, test } from "vitest";
import { languageOf } from "./language.ts";

test.each([
  ["nothing said", undefined, "en"],
  ["nothing in it", "", "en"],
  ["Korean", "ko", "ko"],
  ["Korean of Korea, in any case", "KO-kr", "ko"],
  ["a browser set to Korean", "ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", "ko"],
  ["a browser set to English that reads Korean", "en-US,en;q=0.9,ko;q=0.8", "en"],
  ["the first of two alike", "ko, en", "ko"],
  ["Korean refused", "ko;q=0", "en"],
  ["a language we lack before one we have", "fr, ko;q=0.1", "ko"],
  ["only languages we lack", "fr, kok", "en"],
  ["a weight that is none", "ko;q=much", "en"],
  ["more languages than anybody reads", `${"fr,".repeat(10_000)}ko`, "en"],
])("Accept-Language: %s", (_what, header, language) => {
  expect(languageOf(header)).toBe(language);
});
