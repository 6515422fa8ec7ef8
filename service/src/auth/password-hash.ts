// The text in which a password is kept: the PHC string format, `$argon2id$v=19$m=…,t=…,p=…$salt$tag`. Pure.
// The parameters travel with each hash, so they may grow: hashes of other parameters still verify, and are made anew at
// the next sign-in. Not here: computing one (password-hasher.job.ts), which passwords are good enough (password-rules.ts).

/** Only `PasswordHasher` makes one, so a password can never be stored in its place. */
export type PasswordHash = string & { readonly brand: "PasswordHash" };

/** `memoryKib` is m, `passes` t, `lanes` p of RFC 9106. */
export type HashCost = Readonly<{ memoryKib: number; passes: number; lanes: number }>;

export type ParsedHash = Readonly<{ cost: HashCost; salt: Buffer; tag: Buffer }>;

/** What OWASP and `security.md` ask for at least: 19 MiB, two passes, one lane. */
export const PRESENT_COST: HashCost = { memoryKib: 19_456, passes: 2, lanes: 1 };

const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;
/** A row that was tampered with must not make this process take gigabytes. */
const MOST_MEMORY_KIB = 262_144;

export function formatHash({ cost, salt, tag }: ParsedHash): PasswordHash {
  const { memoryKib, passes, lanes } = cost;
  const parameters = `m=${memoryKib},t=${passes},p=${lanes}`;
  return `$argon2id$v=19$${parameters}$${unpadded(salt)}$${unpadded(tag)}` as PasswordHash;
}

/** Throws for a text that is no such hash: only a hand in the database writes one. */
export function parseHash(hash: PasswordHash): ParsedHash {
  const [, memory, passes, lanes, salt = "", tag = ""] = PHC.exec(hash) ?? [];
  const cost = { memoryKib: Number(memory), passes: Number(passes), lanes: Number(lanes) };
  if (!(cost.memoryKib <= MOST_MEMORY_KIB)) throw new Error("A stored password hash is not argon2id in PHC format.");
  return { cost, salt: Buffer.from(salt, "base64"), tag: Buffer.from(tag, "base64") };
}

export function isOutdated(hash: PasswordHash): boolean {
  const { memoryKib, passes, lanes } = parseHash(hash).cost;
  return memoryKib !== PRESENT_COST.memoryKib || passes !== PRESENT_COST.passes || lanes !== PRESENT_COST.lanes;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}
