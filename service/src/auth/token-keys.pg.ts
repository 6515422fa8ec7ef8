// Where the keys for access tokens come from: the configuration, or else (never in prod) a key that the first instance to
// need one makes and all share through PostgreSQL, where whoever can read the database can read it.
import { type Kysely, sql } from "kysely";
import type { AuthTables } from "./auth-tables.ts";
import { newTokenKeyPem, readTokenKey, readTokenKeys, type TokenKeys } from "./token-keys.ts";

/** Any constant: instances agree on it. */
const TOKEN_KEYS_LOCK = 7_308_332_208;

/** Asked at every use, and read once: PostgreSQL may be away when the process starts. `pems` empty = none configured. */
export function tokenKeySource(database: Kysely<AuthTables>, pems: readonly string[]): () => Promise<TokenKeys> {
  let keys = pems.length === 0 ? null : readTokenKeys(pems);
  return async () => {
    keys ??= readTokenKeys(await sharedPems(database));
    return keys;
  };
}

async function sharedPems(database: Kysely<AuthTables>): Promise<string[]> {
  return await database.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(${TOKEN_KEYS_LOCK}::bigint)`.execute(transaction);
    const rows = await transaction
      .selectFrom("token_keys")
      .select("private_key")
      .orderBy("created_at", "desc")
      .orderBy("kid")
      .execute();
    if (rows.length > 0) return rows.map((row) => row.private_key);
    const pem = newTokenKeyPem();
    await transaction
      .insertInto("token_keys")
      .values({ kid: readTokenKey(pem).kid, private_key: pem })
      .execute();
    return [pem];
  });
}
