// F24: PostgreSQL has no connection left for anybody. Checks do not need one.
import { Client } from "pg";
import { COUNTS_KEPT, EVERY_FAULT, NO_FALLBACK, RATES_HOLD } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { everyTenant } from "./parts.ts";

/** More than the server takes. */
const ASKED_FOR = 500;
const CONNECT_MS = 5_000;

export const databaseExhausted: Fault = {
  id: "F24",
  name: "database connections exhausted",
  about: `Somebody opens as many idle connections to PostgreSQL as it gives, up to ${ASKED_FOR}.`,
  faultMs: 8_000,
  recoveryMs: 4_000,
  inflict: async (world) => {
    const held: Client[] = [];
    world.atEnd(async () => {
      await Promise.all(held.map((client) => client.end().catch(() => undefined)));
    });
    for (let asked = 0; asked < ASKED_FOR; asked += 1) {
      const client = new Client({ connectionString: world.stack.postgres.url, connectionTimeoutMillis: CONNECT_MS });
      client.on("error", () => undefined);
      const isIn = await client.connect().then(
        () => true,
        () => false,
      );
      if (!isIn) break;
      held.push(client);
    }
    world.tell("connections taken away", held.length);
    return everyTenant(world);
  },
  expectations: [
    ...EVERY_FAULT,
    NO_FALLBACK,
    ...COUNTS_KEPT,
    RATES_HOLD,
    { figure: "connections taken away", atLeast: 1, why: "there were some to take" },
  ],
};
