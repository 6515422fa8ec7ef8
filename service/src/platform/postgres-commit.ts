// Kysely's PostgreSQL, with commits that mean what they say while a synchronous standby is missed.
//
// Promise: a COMMIT that was sent, and then the connection broke or the server fell silent, throws `OutcomeUnknown`; every
// other fault of a transaction means that nothing of it was done, and reaches the caller as it was. The server's own time
// limits do not end the wait for a standby, so ours does. Known gap: an operator who cancels a COMMIT that waits
// (pg_cancel_backend) makes PostgreSQL answer with success and a mere warning.
import {
  AbortedTransactionError,
  type DatabaseConnection,
  PostgresDialect,
  type PostgresDialectConfig,
  PostgresDriver,
} from "kysely";
import { castsDoubt } from "./postgres-faults.ts";

export class OutcomeUnknown extends Error {
  constructor(cause: unknown) {
    super("PostgreSQL did not say whether it has committed.", { cause });
  }
}

export class OutcomeDialect extends PostgresDialect {
  readonly #config: PostgresDialectConfig;

  constructor(config: PostgresDialectConfig) {
    super(config);
    this.#config = config;
  }

  override createDriver(): PostgresDriver {
    return new OutcomeDriver(this.#config);
  }
}

class OutcomeDriver extends PostgresDriver {
  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await super.commitTransaction(connection);
    } catch (fault) {
      if (fault instanceof AbortedTransactionError || !castsDoubt(fault)) throw fault;
      throw new OutcomeUnknown(fault);
    }
  }

  /** Its own fault would hide why the transaction failed; the connection is given up with it. */
  override async rollbackTransaction(connection: Parameters<PostgresDriver["rollbackTransaction"]>[0]): Promise<void> {
    await super.rollbackTransaction(connection).catch(() => undefined);
  }
}
