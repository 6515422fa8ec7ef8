// Which passwords are good enough: long, and not what a guesser tries first. Pure.
// No rules about kinds of characters and no expiry: they make people choose worse ones (NIST SP 800-63B, 3.1.1.2).
// Lengths are counted in code points after NFKC, the form that is hashed.
import { Refusal } from "../platform/refusal.ts";

const LEAST_LENGTH = 12;
const MOST_LENGTH = 128;
/** A login shorter than this turns up in good passwords by chance. */
const LEAST_LOGIN_LENGTH = 4;
/** What is left besides words and sequences must have this many different characters. */
const LEAST_DIFFERENT = 6;

/** Throws a Refusal that names every rule that `password` breaks. `pointer` says where in the body it stood. */
export function requireGoodPassword(password: string, loginId: string, pointer = "/password"): void {
  const broken = brokenRules(password.normalize("NFKC"), loginId.toLowerCase());
  if (broken.length === 0) return;
  const errors = broken.map((detail) => ({ pointer, detail }));
  throw new Refusal("WEAK_PASSWORD", `The password ${broken.join(", and ")}. Choose another.`, { errors });
}

function brokenRules(password: string, loginId: string): string[] {
  const length = [...password].length;
  const broken: string[] = [];
  if (!password.isWellFormed() || /\p{Cc}/u.test(password)) broken.push("holds control characters or broken text");
  if (length < LEAST_LENGTH) broken.push(`is shorter than ${LEAST_LENGTH} characters`);
  if (length > MOST_LENGTH) broken.push(`is longer than ${MOST_LENGTH} characters`);
  if (holdsLogin(password.toLowerCase(), loginId)) broken.push("holds the login id");
  if (length <= MOST_LENGTH && isGuessable(password.toLowerCase())) {
    broken.push("is made of common words, sequences or repetitions");
  }
  return broken;
}

function holdsLogin(password: string, loginId: string): boolean {
  const [name = ""] = loginId.split("@");
  const parts = [loginId, name].filter((part) => part.length >= LEAST_LOGIN_LENGTH);
  return password === loginId || parts.some((part) => password.includes(part));
}

function isGuessable(password: string): boolean {
  const rest = withoutSequences(COMMON_WORDS.reduce(without, withoutLeet(withoutSequences(password))));
  return new Set(rest).size < LEAST_DIFFERENT;
}

/** Without runs of four or more that stand still or go one up or down: 1111, 1234, dcba. */
function withoutSequences(text: string): string {
  const points = [...text];
  let kept = "";
  for (let at = 0; at < points.length; ) {
    const length = Math.max(...[0, 1, -1].map((step) => runLength(points, at, step)));
    if (length < 4) kept += points[at];
    at += length < 4 ? 1 : length;
  }
  return kept;
}

function runLength(points: readonly string[], start: number, step: number): number {
  let end = start + 1;
  while (end < points.length && codeOf(points, end) - codeOf(points, end - 1) === step) end++;
  return end - start;
}

function codeOf(points: readonly string[], at: number): number {
  return points[at]?.codePointAt(0) ?? 0;
}

const LEET: Readonly<Record<string, string>> = { "@": "a", "4": "a", "3": "e", "1": "i", "0": "o", "5": "s", $: "s" };

function withoutLeet(text: string): string {
  return text.replace(/[@43105$]/g, (character) => LEET[character] ?? character);
}

function without(text: string, word: string): string {
  return text.replaceAll(word, "");
}

/** Longer before shorter, where one holds the other. As they read once digits are taken for letters. */
const COMMON_WORDS = [
  ..."administrator administrador correcthorsebatterystaple motdepasse contrasena kennwort passwort password passwd".split(
    " ",
  ),
  ..."superuser superman batman football baseball basketball princess sunshine starwars michael monkey dragon".split(
    " ",
  ),
  ..."iloveyou letmein welcome whatever trustnoi changeme master shadow default secret access system server".split(" "),
  ..."qwertyuiop asdfghjkl zxcvbnm qwerty azerty qwertz asdf zxcv iqaz2wsx qazwsx qwer".split(" "),
  ..."ratelimit sluice gateway tenant operator viewer redis postgres admin root user guest login test demo".split(" "),
  ..."spring summer autumn winter january monday korea seoul hello love pass 비밀번호 관리자".split(" "),
];
