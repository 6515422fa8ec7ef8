import { createClient } from "redis";
import { countersConformance } from "./counters.conformance.ts";
import { createKeys } from "./keys.ts";
import { TAKE_SCRIPT } from "./scripts.ts";
import { readTakeReply, takeArguments } from "./take-arguments.ts";
import { UsageTotals } from "../usage/usage-totals.ts";
import { RESP_TYPES } from "redis";
countersConformance("twin", async ({ clock }) => {
  const client = createClient({ url: "redis://127.0.0.1:17391" }).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  await client.connect();
  await client.sendCommand(["SCRIPT", "LOAD", TAKE_SCRIPT.text]);
  const keys = createKeys("", "s"); const usage = new UsageTotals();
  return {
    counters: {
      nowMs: clock, health: () => ({ healthy: true, detail: "" }), close: async () => {},
      async take(order: any) {
        const overflowed = order.checks.map(() => false);
        const rows = order.checks.map((c: any) => usage.row(order.tenant, c.usageApi, c.user));
        for (;;) {
          const args = takeArguments(TAKE_SCRIPT.sha, order, { keys, incarnation: usage.incarnation, parity: 0, clock: String(clock()), validUntilMs: Number.MAX_SAFE_INTEGER, shardToken: 1, rows, overflowed });
          const r = readTakeReply(await client.sendCommand(args), order, overflowed);
          if (r.kind === "user_overflow") { order.checks.forEach((c: any, i: number) => { if (c.user === order.checks[r.check].user) overflowed[i] = true; }); continue; }
          if (r.kind !== "taken") return { kind: "unavailable", cause: "store_error", probeInMs: null, settle() {} };
          return { kind: "answered", ...r, kind: "answered" } as any;
        }
      },
    } as any,
    keys: async () => (await client.sendCommand(["KEYS", "*"]) as any).map(String),
    close: async () => { client.destroy(); },
  };
}, { histories: 3_000, requestsEndInRealTime: "x" });
