// What of a value may enter the audit trail: plain JSON that PostgreSQL can hold, without secrets.
//
// Promise: nothing that arrives from outside can make the row unwritable (NUL, half a surrogate pair, depth, NaN), and a
// member that is named like a secret, or a string that looks like one, is masked. This is the second wall: the first is
// that nobody hands a secret over.
import { isList, type Json, type JsonObject } from "./canonical-json.ts";

const MASK = "***";
/** Deeper than anything an operator can write; a bound for the recursion here and in every reader. */
const MOST_LEVELS = 32;
/** Found anywhere in a name, case and punctuation aside. */
const SECRET_NAME =
  /passw(?:or)?d|passphrase|pwd|secret|token|credential|authori[sz]ation|cookie|(?:private|signing|api|access)key/;
/** What stands beside a secret and is none: `tokenId`, `passwordChangedAt`, `credentialCount`. */
const HARMLESS_NAME = /(?:[a-z]I|_i|-i)ds?$|(?:[a-z]A|_a|-a)t$|(?:[a-z]C|_c|-c)ount$/;
/** A private key in PEM, a JSON Web Token, a bearer's header, a URL with a password. */
const SECRET_TEXT =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----|\beyJ[\w-]{8,}\.[\w-]{8,}\.|^bearer \S{16,}$|:\/\/[^\s/:@]*:[^\s/@]+@/i;

export function auditable(value: unknown): Json {
  return clean(plain(value), 0);
}

/** At most `mostCharacters` of a text that came from outside, storable. */
export function auditableText(text: string, mostCharacters: number): string {
  const storable = cleanText(text.slice(0, mostCharacters));
  return SECRET_TEXT.test(storable) ? MASK : storable;
}

/** As JSON.stringify sees it: dates as text, `undefined` and functions left out, NaN as null, a Secret masked. */
function plain(value: unknown): Json {
  const text = JSON.stringify(value);
  return text === undefined ? null : (JSON.parse(text) as Json);
}

function clean(value: Json, level: number): Json {
  if (typeof value === "string") return SECRET_TEXT.test(value) ? MASK : cleanText(value);
  if (value === null || typeof value !== "object") return value;
  if (level === MOST_LEVELS) return "…";
  if (isList(value)) return value.map((each) => clean(each, level + 1));
  return cleanMembers(value, level);
}

/** `fromEntries` defines members, so one named `__proto__` stays a member. */
function cleanMembers(value: JsonObject, level: number): JsonObject {
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      cleanText(name),
      isSecretName(name) && mayHoldSecret(member) ? MASK : clean(member, level + 1),
    ]),
  );
}

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name.toLowerCase().replace(/[^a-z0-9]/g, "")) && !HARMLESS_NAME.test(name);
}

/** Whether there is one, and whether it must be changed, is worth knowing. */
function mayHoldSecret(member: Json): boolean {
  return member !== null && typeof member !== "boolean";
}

/** jsonb and text take neither NUL nor half a surrogate pair. */
function cleanText(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\ufffd");
}
