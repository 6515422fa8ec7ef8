import fc from "fast-check";
import { expect, test } from "vitest";
import { Refusal } from "../platform/refusal.ts";
import { requireGoodPassword } from "./password-rules.ts";

const SHORT = "is shorter than 12 characters";
const LONG = "is longer than 128 characters";
const LOGIN = "holds the login id";
const GUESSABLE = "is made of common words, sequences or repetitions";
const BROKEN_TEXT = "holds control characters or broken text";

function broken(password: string, loginId = "mina.kim@acme.test"): string[] {
  try {
    requireGoodPassword(password, loginId, "/newPassword");
    return [];
  } catch (fault) {
    if (!(fault instanceof Refusal) || fault.code !== "WEAK_PASSWORD") throw fault;
    expect(fault.message).not.toContain(password || "nothing");
    expect(fault.errors.map(({ pointer }) => pointer)).toEqual(fault.errors.map(() => "/newPassword"));
    return fault.errors.map(({ detail }) => detail);
  }
}

test.for<readonly [string, readonly string[]]>([
  ["", [SHORT, GUESSABLE]],
  ["kq7-Zp2wXv", [SHORT]],
  ["kq7-Zp2wXv!d", []],
  ["오늘은날씨가참좋습니다그죠", []],
  ["plum tractor seven lamps", []],
  ["839201847263", []],
  ["x".repeat(129), [LONG]],
  ["password1234", [GUESSABLE]],
  ["P@ssw0rd!2024", [GUESSABLE]],
  ["Administrator1!", [GUESSABLE]],
  ["Welcome-Welcome-1", [GUESSABLE]],
  ["qwertyuiop12345", [GUESSABLE]],
  ["abcdefghijklmnop", [GUESSABLE]],
  ["0987654321098", [GUESSABLE]],
  ["abXabXabXabXabX", [GUESSABLE]],
  ["비밀번호비밀번호1234", [GUESSABLE]],
  ["MINA.KIM@acme.test", [LOGIN]],
  ["xq7zMina.Kim4wv", [LOGIN]],
  ["kq7-Zp2wXv\u0000d", [BROKEN_TEXT]],
  ["kq7-Zp2wXv\ud800d", [BROKEN_TEXT]],
])("%j breaks %j", ([password, rules]) => {
  expect(broken(password)).toEqual(rules);
});

test("a length is that of the form that is hashed: full-width letters and astral ones count as one", () => {
  expect(broken("ｋｑ７Ｚｐ２ｗＸｖ！ｄ")).toEqual([SHORT]);
  expect(broken("🦊🐙🌵🪁🧭🎻🛶🧵🪐🫐🥝")).toEqual([SHORT]);
  expect(broken("🦊🐙🌵🪁🧭🎻🛶🧵🪐🫐🥝🧊")).toEqual([]);
});

test("a short login id that turns up by chance is no fault, unless it is the whole", () => {
  expect(broken("kq7-Zp2wXv!d", "zp2")).toEqual([]);
});

test("random passwords of sixteen letters and digits are good", () => {
  const character = fc.constantFrom(..."abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789");
  // Without its bias towards repetitions, which are what the rules look for.
  const random = fc.noBias(fc.array(fc.noBias(character), { minLength: 16, maxLength: 24 }));
  const tried = fc.sample(random, { seed: 11, numRuns: 500 }).map((characters) => characters.join(""));
  expect(tried.filter((password) => broken(password).length > 0)).toEqual([]);
});
