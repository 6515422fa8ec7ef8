import { expect, test } from "vitest";
import { wantedLanguage } from "./language.ts";

test.each([
  ["--lang goes first", "ko", { LANG: "en_US.UTF-8" }, "ko"],
  ["the locale decides where none is given", undefined, { LANG: "ko_KR.UTF-8" }, "ko"],
  ["LC_ALL goes before LC_MESSAGES before LANG", undefined, { LC_ALL: "en_GB", LC_MESSAGES: "ko", LANG: "ko" }, "en"],
  ["an empty variable is none", undefined, { LC_ALL: "", LANG: "ko@x" }, "ko"],
  ["a language we do not speak is English", undefined, { LANG: "fr_FR" }, "en"],
  ["a locale that only begins like one is not one", undefined, { LANG: "kok_IN" }, "en"],
  ["no locale is English", undefined, {}, "en"],
])("%s", (_, given, environment, language) => {
  expect(wantedLanguage(given, environment)).toBe(language);
});
