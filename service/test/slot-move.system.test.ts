// A busy tenant's slot moves to another master and back while it is asked about, and nobody notices: exactly so with a wide
// deadline; with that of every day as nearly as this machine lets us say, in figures beside those of the same command moving a
// slot that nobody asks about: on few cores the command's own start is felt, too.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Moved } from "../../cli/src/redis/slot-mover.redis.ts";
import { type Call, costWith, crowd, latencyMs, outcomes, steadyLoad } from "./load.ts";
import { policy, tenant } from "./policies.ts";
import type { ServiceProcess } from "./service-process.ts";
import { describeWith } from "./services.ts";
import { type ClusterStack, SYSTEM_TEST_TIMEOUTS, startClusterStack } from "./stack.ts";
import { usageHeld } from "./usage-held.ts";
import { waitFor } from "./wait.ts";

const SLUICE = fileURLToPath(new URL("../../cli/bin/sluice.mjs", import.meta.url));
/** A tenant that is asked about, and how many users, and so keys, it has beside the new ones. */
type Busy = Readonly<{ id: string; users: number }>;
/** It comes by them while it moves. */
const GROWING: Busy = { id: "growing", users: 4_000 };
/** What is promised without a Fallback answer is a slot of up to 2 000 keys. */
const ORDINARY: Busy = { id: "ordinary", users: 1_200 };
const LARGE: Busy = { id: "large", users: 4_000 };
const BUSY = [GROWING, ORDINARY, LARGE];
/** The tag of a slot of which nothing is. */
const IDLE = "idle";
const CALLERS = 4;
/** Three masters, so the slot is back where it was, with the keys of each move in the next. */
const ONCE_AROUND = 3;
const JOURNEYS = 2 * ONCE_AROUND;
/** Beyond what the load asks for, so that a denial is a wrong one; the last calls fill it up exactly. */
const LIMIT = 1_000_000;
const COST_AT_THE_END = 10_000;
const CALLS_PER_SECOND = 100;
const CALLS_PER_JOURNEY = 100;
const BATCH = 100;
const PHASE_TIMEOUT_MS = 60_000;

vi.setConfig(SYSTEM_TEST_TIMEOUTS);

describeWith(["redis-server", "postgres"], "a slot that moves under load", () => {
  let stack: ClusterStack;
  beforeAll(async () => {
    stack = await startClusterStack();
    await putPolicies();
  });
  afterEach(async () => {
    await Promise.all(stack.services.map((service) => service.stop()));
  });
  afterAll(async () => await stack.close());

  test("causes no denial, no error, no Fallback answer and no double count", async ({ annotate }) => {
    // Wide, so that no stall of this machine is taken for the move's doing: what the move costs is told below.
    const services = await stack.startMany(2, { environment: { SLUICE_CHECK_DEADLINE_MS: "5000" } });
    const ask = asker(services, GROWING);
    let isMoving = true;
    const asking = crowd(CALLERS, (caller) => (isMoving ? ask(caller) : null));
    const moves: Moved[] = [];
    try {
      for (let journey = 0; journey < ONCE_AROUND; journey += 1) moves.push(await moveOnce(GROWING.id));
    } finally {
      isMoving = false;
    }
    const journal = await asking;
    await annotate(`${figuresOf(journal)}; ${figuresOfMoves(moves)}`);
    expect(outcomes(journal)).toEqual({ OK: journal.length });
    expect(journal.length).toBeLessThan(LIMIT - COST_AT_THE_END);
    expect(await countedNow(GROWING)).toBe(journal.length);

    const look = await services[0]?.ask({ ...ask(0).check, cost: 0 });
    expect(look?.remaining).toMatchObject({ perDay: LIMIT - journal.length, quotaMonthly: LIMIT - journal.length });
  });

  test.for([ORDINARY, LARGE])(
    "at the deadline of every day causes no denial, no error, and counts nothing twice, with $users users",
    async (busy, { annotate }) => {
      const services = await stack.startMany(2);
      await fillWithUsers(services[0], busy);
      const known = await countedNow(busy);
      const load = steadyLoad(CALLS_PER_SECOND, asker(services, busy));
      const calls = async (count: number) => {
        const begun = load.journal.length;
        await waitFor("the load has gone on", () => load.journal.length >= begun + count, PHASE_TIMEOUT_MS);
      };
      await calls(CALLS_PER_JOURNEY); // the first ones warm up
      const movedOften = async (tag: string) => {
        const begun = load.journal.length;
        const moves: Moved[] = [];
        for (let journey = 0; journey < JOURNEYS; journey += 1) {
          await Promise.all([moveOnce(tag).then((moved) => moves.push(moved)), calls(CALLS_PER_JOURNEY)]);
        }
        return { moves, calls: load.journal.slice(begun) };
      };
      const control = await movedOften(IDLE);
      const { moves, calls: meanwhile } = await movedOften(busy.id);
      const journal = await load.stop();
      await annotate(`while an idle slot moves: ${figuresOf(control.calls)}; ${figuresOfMoves(control.moves)}`);
      await annotate(`while its own moves: ${figuresOf(meanwhile)}; ${figuresOfMoves(moves)}`);

      expect(Object.keys(outcomes(journal)).filter((outcome) => !["OK", "ALLOW_FALLBACK"].includes(outcome))).toEqual(
        [],
      );
      const counted = (await countedNow(busy)) - known;
      const [taken, byFallback] = [costWith(journal, "OK"), costWith(journal, "ALLOW_FALLBACK")];
      expect(taken).toBeGreaterThan(0);
      expect(counted).toBeGreaterThanOrEqual(taken);
      expect(counted).toBeLessThanOrEqual(taken + byFallback);
      expect(moves.every(({ keys }) => keys > busy.users)).toBe(true);
    },
  );

  async function putPolicies(): Promise<void> {
    await stack.put({
      plans: [{ name: "FREE", limits: { quotaPerMonth: LIMIT, perDay: LIMIT } }],
      tenants: BUSY.map(({ id }) => tenant({ id })),
      policies: [
        policy({ name: "users", apiPattern: "/**", scope: "TENANT_USER", limits: { quotaPerMonth: LIMIT } }),
        policy({ name: "orders", apiPattern: "/orders/**", scope: "TENANT_API", limits: { perMinute: LIMIT } }),
      ],
    });
  }

  async function countedNow({ id }: Busy): Promise<number> {
    return await usageHeld(stack.cluster.nodes.slice(0, 3), id);
  }

  /**
   * To the next master, by the command as an operator runs it: in this process its work would stand in the way of the load.
   */
  async function moveOnce(tag: string): Promise<Moved> {
    const { nodes, url } = stack.cluster;
    const owner = await stack.cluster.ownerOfKey(`{${tag}}`);
    const target = nodes[(nodes.indexOf(owner) + 1) % 3];
    const words = [
      "redis",
      "move-slots",
      "--redis",
      url,
      "--to",
      `127.0.0.1:${target?.port}`,
      "--key-tag",
      tag,
      "--json",
    ];
    const { stdout } = await promisify(execFile)(process.execPath, [SLUICE, ...words]);
    const [only] = (JSON.parse(stdout) as { moved: Moved[] }).moved;
    if (only === undefined) throw new Error(`Nothing was moved: ${stdout}`);
    expect(only.keys > 0).toBe(tag !== IDLE);
    return only;
  }
});

/** Users come anew all the time, between known ones: a key that no node has yet is the hard case of an open slot. */
function asker(services: readonly ServiceProcess[], busy: Busy) {
  let asked = 0;
  return (caller: number) => {
    const service = services[caller % services.length];
    if (service === undefined) throw new Error("There is no service.");
    const number = asked++;
    const userId = number % 10 === 0 ? `new-${number}` : `known-${number % busy.users}`;
    return { service, check: { tenantId: busy.id, userId, apiPath: "/orders/1", httpMethod: "GET", cost: 1 } };
  };
}

/** Gives the tenant a key for each of many users. */
async function fillWithUsers(service: ServiceProcess | undefined, busy: Busy): Promise<void> {
  for (let first = 0; first < busy.users; first += BATCH) {
    const checks = Array.from({ length: BATCH }, (_, index) => {
      return { tenantId: busy.id, userId: `known-${first + index}`, apiPath: "/known", httpMethod: "GET", cost: 1 };
    });
    // One that the Fallback answered may have made no key: asked again.
    await waitFor("the users are known", async () => {
      const decisions = await service?.askBatch(checks);
      return decisions?.every(({ reason }) => reason === "OK");
    });
  }
}

function figuresOf(calls: readonly Call[]): string {
  const notes: Record<string, number> = {};
  for (const note of calls.flatMap(({ decision }) => decision?.notes ?? [])) notes[note] = (notes[note] ?? 0) + 1;
  const latencies = `P50 ${latencyMs(calls, 0.5)}, P99 ${latencyMs(calls, 0.99)}, longest ${latencyMs(calls, 1)} ms`;
  return `${JSON.stringify(outcomes(calls))}, notes ${JSON.stringify(notes)}; ${latencies}`;
}

function figuresOfMoves(moves: readonly Moved[]): string {
  const each = moves.map(({ keys, inWindow, openMs }) => `${openMs} (${inWindow} of ${keys} keys)`);
  return `${moves.length} moves, open for ${each.join(", ")} ms`;
}
