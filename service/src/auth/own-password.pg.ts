// Stores the password that users give themselves, and ends their other sessions.
//
// Promise: nothing is done unless the user is still as when the old password was proved, `epoch` and all: of two changes at
// once one is refused, and a session that was ended meanwhile stays ended.
// Not here: proving the old password (login.pg.ts), a password that an ADMIN gives (users.pg.ts).
import { sql, type Transaction } from "kysely";
import type { AuthTables } from "./auth-tables.ts";
import type { PasswordHash } from "./password-hash.ts";

export type OwnPassword = Readonly<{
  userId: string;
  /** The session that goes on. */
  sessionId: string;
  /** Of the user, as the old password was proved under. */
  epoch: number;
  passwordHash: PasswordHash;
}>;

/** False when the user was changed meanwhile: then nothing was done. */
export async function replaceOwnPassword(
  transaction: Transaction<AuthTables>,
  { userId, sessionId, epoch, passwordHash }: OwnPassword,
): Promise<boolean> {
  const user = await transaction
    .updateTable("users")
    .set({ password_hash: passwordHash, session_epoch: sql<number>`session_epoch + 1` })
    .where("id", "=", userId)
    .where("session_epoch", "=", epoch)
    .where("disabled", "=", false)
    .returning("session_epoch")
    .executeTakeFirst();
  if (user === undefined) return false;
  await transaction
    .updateTable("sessions")
    .set({ epoch: user.session_epoch })
    .where("id", "=", sessionId)
    .where("epoch", "=", epoch)
    .execute();
  return true;
}
