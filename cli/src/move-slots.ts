// `sluice redis move-slots`: moves slots, or the slot of one tenant, to another master of the cluster, one after another.
// Not here: how it is done (redis/move-slots.redis.ts).
import { Command, InvalidArgumentError } from "commander";
import { CommandFailure, EXIT } from "./exit-codes.ts";
import type { SlotWish } from "./redis/move-slots.redis.ts";
import { readStores } from "./stores.ts";
import { printResult, type Terminal } from "./terminal.ts";

/** Commands of Redis, as an ACL names them. The test over TLS with ACLs moves a slot with these and no more. */
export const RIGHTS_TO_MOVE =
  "+ping +info +cluster +asking +select +migrate +dump +restore +restore-asking " +
  "+hello +client +pttl +unlink +multi +exec +discard";
const RIGHTS = `
The user of Redis needs ~* ${RIGHTS_TO_MOVE}
Without +hello and those after it keys are not copied ahead, and calls for a slot of many keys wait.`;

type Options = SlotWish & Readonly<{ redis?: string; json?: boolean }>;

export function moveSlotsCommand(terminal: Terminal): Command {
  return new Command("move-slots")
    .description("Move slots to another master; each is open for milliseconds only")
    .option("--from <node>", "node id or host:port; refuse slots that another master owns")
    .requiredOption("--to <node>", "node id or host:port of the master that gets them")
    .option("--slots <list>", "slots such as 12-20,33")
    .option("--key-tag <tag>", "the slot of this hash tag: a tenant id")
    .option("--resume", "go on with slots that an interrupted move left open")
    .option("--timeout-ms <number>", "longest silence of the target before a move is given up", parseTimeout, 1_000)
    .option("--redis <urls>", "one or more seeds, comma-separated (or SLUICE_REDIS_URL; TLS: SLUICE_REDIS_TLS_*)")
    .option("--json", "JSON on a terminal too")
    .addHelpText("after", RIGHTS)
    .action(async (options: Options) => {
      const { redis } = readStores(terminal.environment, { SLUICE_REDIS_URL: options.redis });
      if (redis.kind === "embedded") {
        throw new CommandFailure(EXIT.usage, "Which Redis? Give --redis redis://host:6379 or set SLUICE_REDIS_URL.");
      }
      // Imported only now: other commands start faster without it.
      const { moveSlots } = await import("./redis/move-slots.redis.ts");
      const { to, moved, failure } = await moveSlots(redis, options, terminal.say);
      printResult(terminal, options.json, { to, moved }, moved);
      if (failure !== null) throw failure;
    });
}

function parseTimeout(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError("Write milliseconds, from 1 to 99999.");
  return Number(text);
}
