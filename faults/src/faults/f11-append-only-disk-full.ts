// F11: the disk of a master's append-only file is full. It says so to every write (MISCONF), and no replica takes over, for
// the master is alive: its tenants get the Fallback until there is room again.
import { sampleSum } from "../../../service/test/metrics-page.ts";
import { COUNTS_KEPT, EVERY_FAULT, OTHERS_EXACT, SOON_EXACT, USAGE_EXACT } from "../lab/expectations.ts";
import type { Fault, World } from "../lab/fault.ts";

const NODE = "redis-1";
const DISK_MIB = 32;
const REFUSED_BY_STORE = "Fallback answers for errors of the store";

export const appendOnlyDiskFull: Fault = {
  id: "F11",
  name: "disk of the append-only file full",
  about: `A file takes the last byte of the small disk (tmpfs, ${DISK_MIB} MiB) of one master, and is removed later.`,
  stack: { smallDisks: [{ name: NODE, sizeMiB: DISK_MIB }] },
  faultMs: 8_000,
  recoveryMs: 8_000,
  usage: true,
  inflict: async (world) => {
    const struck = await world.tenantsOf(masterOf(world));
    await world.stack.diskOf(NODE).fill();
    return struck;
  },
  mend: async (world) => {
    const pages = await Promise.all(world.stack.instances.map((instance) => instance.metrics()));
    const answers = pages.map((page) => sampleSum(page, "sluice_fallback_answers_total", { cause: "store_error" }));
    world.tell(
      REFUSED_BY_STORE,
      answers.reduce((sum, each) => sum + each, 0),
    );
    await world.stack.diskOf(NODE).free();
  },
  expectations: [
    ...EVERY_FAULT,
    ...USAGE_EXACT,
    OTHERS_EXACT,
    ...COUNTS_KEPT,
    { figure: "fallbackStruck", atLeast: 1, why: "the shard cannot count" },
    { figure: REFUSED_BY_STORE, atLeast: 1, why: "the node's own words reach the metric" },
    SOON_EXACT,
  ],
};

function masterOf({ stack }: World) {
  const master = stack.redis.nodes.find(({ name }) => name === NODE);
  if (master === undefined) throw new Error(`The stack has no ${NODE}.`);
  return master;
}
