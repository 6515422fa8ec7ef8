// Computes argon2id in libuv's thread pool, a bounded number at once, so that however many sign in together memory, the
// event loop and the pool (which DNS and files need too) stay free. The others wait in line; a full line refuses.
//
// Promise: `verifyNothing` costs the same as `verify`, for logins that do not exist. Passwords are normalised (NFKC), so
// that the same text typed on another system is the same password.
// Not here: which passwords are good enough (password-rules.ts).
import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { createLine } from "./line.ts";
import {
  formatHash,
  type HashCost,
  type ParsedHash,
  type PasswordHash,
  PRESENT_COST,
  parseHash,
} from "./password-hash.ts";

export type PasswordHasher = Readonly<{
  hash: (password: string) => Promise<PasswordHash>;
  verify: (password: string, hash: PasswordHash) => Promise<boolean>;
  /** Always false, after the work of a `verify`. */
  verifyNothing: (password: string) => Promise<false>;
}>;

/** RFC 9106, 3.1 and 4. */
const SALT_BYTES = 16;
const TAG_BYTES = 32;
/** Each worker process has a core, and four threads in its pool: one of them leaves both to the checks. */
const AT_ONCE = 1;
/** A hash takes some 50 ms, so the last in line waits about ten seconds. */
const MOST_WAITING = 200;

type Derive = (password: string, salt: Buffer, cost: HashCost) => Promise<Buffer>;

/** `derive` is argon2id; a test hands in one that counts. */
export function createPasswordHasher(derive: Derive = deriveTag): PasswordHasher {
  const inLine = createLine(AT_ONCE, MOST_WAITING);
  // A tag that belongs to no password, under the cost that today's hashes have.
  const nothing = { cost: PRESENT_COST, salt: randomBytes(SALT_BYTES), tag: randomBytes(TAG_BYTES) };
  const tagOf: Derive = (password, salt, cost) => inLine(() => derive(password.normalize("NFKC"), salt, cost));
  const verifyTag = async (password: string, { cost, salt, tag }: ParsedHash) => {
    const computed = await tagOf(password, salt, cost);
    return computed.length === tag.length && timingSafeEqual(computed, tag);
  };
  return {
    hash: async (password) => {
      const salt = randomBytes(SALT_BYTES);
      return formatHash({ cost: PRESENT_COST, salt, tag: await tagOf(password, salt, PRESENT_COST) });
    },
    verify: (password, hash) => verifyTag(password, parseHash(hash)),
    verifyNothing: async (password) => {
      await verifyTag(password, nothing);
      return false;
    },
  };
}

export function deriveTag(password: string, salt: Buffer, cost: HashCost): Promise<Buffer> {
  const { memoryKib, passes, lanes } = cost;
  const parameters = { message: password, nonce: salt, memory: memoryKib, passes, parallelism: lanes };
  return new Promise((resolve, reject) => {
    argon2("argon2id", { ...parameters, tagLength: TAG_BYTES }, (fault, tag) =>
      fault === null ? resolve(tag) : reject(fault),
    );
  });
}
