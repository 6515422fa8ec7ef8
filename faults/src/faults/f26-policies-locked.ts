// F26: somebody holds the policies' tables in a long lock, as a careless migration does. Checks answer from memory.
import { Client } from "pg";
import { COUNTS_KEPT, EVERY_FAULT, NO_FALLBACK, RATES_HOLD } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { everyTenant } from "./parts.ts";

export const policiesLocked: Fault = {
  id: "F26",
  name: "policies locked",
  about: "The tables of plans, tenants and policies are locked exclusively for 8 s.",
  faultMs: 8_000,
  recoveryMs: 4_000,
  inflict: async (world) => {
    const client = new Client({ connectionString: world.stack.postgres.ownerUrl });
    client.on("error", () => undefined);
    world.atEnd(() => client.end());
    await client.connect();
    await client.query("begin");
    await client.query("lock table plans, tenants, api_policies in access exclusive mode");
    return everyTenant(world);
  },
  expectations: [...EVERY_FAULT, NO_FALLBACK, ...COUNTS_KEPT, RATES_HOLD],
};
