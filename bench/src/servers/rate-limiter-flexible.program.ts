// The same echo with rate-limiter-flexible in between: RateLimiterRedis for each of five windows, consumed together.
//
// Two ways to call Redis. `documented` hands it a node-redis client, as its manual says: the library then sends the text
// of its script with every consume. `cached` hands it a node-redis client that knows that script, so that only its hash
// is sent: what the library does by itself with ioredis, and the faster way.
import { RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import { createClient, defineScript } from "redis";
import { WINDOW_LIMITS } from "../bench-policies.ts";
import { type EchoOrder, startEcho } from "./http-echo.ts";

export type LimiterOrder = EchoOrder & Readonly<{ redisUrl: string; way: "documented" | "cached" }>;

process.once("message", async (order: LimiterOrder) => {
  const limiters = await openLimiters(order);
  const consume = async (tenant: string) => {
    try {
      await Promise.all(limiters.map((limiter) => limiter.consume(tenant, 1)));
      return true;
    } catch (refusal) {
      if (refusal instanceof RateLimiterRes) return false;
      throw refusal;
    }
  };
  process.send?.(await startEcho(order.answerBytes, ({ tenantId }) => consume(tenantId)));
});
process.once("disconnect", () => process.exit());

async function openLimiters({ redisUrl, way }: LimiterOrder): Promise<RateLimiterRedis[]> {
  const script = new RateLimiterRedis({ storeClient: {}, points: 1, duration: 1 }) as unknown as ScriptOwner;
  const client =
    way === "documented"
      ? createClient({ url: redisUrl })
      : createClient({ url: redisUrl, scripts: { rlflxIncr: incrementScript(script._incrTtlLuaScript) } });
  await client.connect();
  return WINDOW_LIMITS.map(({ window, seconds, limit }) => {
    const useRedisPackage = way === "documented";
    return new RateLimiterRedis({
      storeClient: client,
      useRedisPackage,
      keyPrefix: window,
      points: limit,
      duration: seconds,
    });
  });
}

/** The library's own script; it is not part of its public interface. */
type ScriptOwner = Readonly<{ _incrTtlLuaScript: string }>;

/** The command under the name by which the library calls a client that knows its script. */
function incrementScript(text: string) {
  return defineScript({
    SCRIPT: text,
    NUMBER_OF_KEYS: 1,
    parseCommand(parser, [key = "", ...values]: readonly string[]) {
      parser.pushKey(key);
      parser.push(...values);
    },
    transformReply: (reply: unknown) => reply,
  });
}
