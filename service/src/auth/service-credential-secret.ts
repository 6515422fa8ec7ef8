// The secret of a managed credential: `slk_<id part>_<256 random bits>`. The prefix tells it from the credentials of the
// configuration, and lets scanners of source code find one that leaked; the id part says which credential it is of.
// Pure but for the bits.
import { hash, randomBytes } from "node:crypto";

export type ServiceSecret = string & { readonly brand: "ServiceSecret" };

const PREFIX = "slk_";
const BYTES = 32;
const ID_PART_LENGTH = 8;
const RECOGNISED_LENGTH = 4;

/** `id` is the credential's, a uuid. */
export function newServiceSecret(id: string): ServiceSecret {
  return `${PREFIX}${id.slice(0, ID_PART_LENGTH)}_${randomBytes(BYTES).toString("base64url")}` as ServiceSecret;
}

/** False for whatever cannot be the secret of a managed credential. */
export function looksManaged(presented: string): boolean {
  return presented.startsWith(PREFIX);
}

/** In hexadecimal. Without a salt: nobody guesses 256 random bits, and every instance must find the same. */
export function digestOfSecret(presented: string): string {
  return hash("sha256", presented);
}

/** What is shown of it ever after. */
export function lastFour(secret: ServiceSecret): string {
  return secret.slice(-RECOGNISED_LENGTH);
}
