// A rolling update: the old instance is told to end while callers use it who look at /readyz, as a balancer does.
// Whoever opens no new connection once it says no, and closes the ones whose answer says so, loses no call at all.
// Not here: callers who do not look, and what the end owes them (shutdown.system.test.ts).
import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import type { Decision } from "@sluice/contract";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CHECK_PATH } from "../src/check/check.http.ts";
import { tenant } from "./policies.ts";
import type { ServiceProcess } from "./service-process.ts";
import { describeWith } from "./services.ts";
import { type SingleStack, SYSTEM_TEST_TIMEOUTS, startStack } from "./stack.ts";
import { usageHeld } from "./usage-held.ts";
import { waitFor } from "./wait.ts";

const CALLERS = 20;
const IDLE_CONNECTIONS = 5;
const LOOK_EVERY_MS = 100;
const DRAIN_DELAY_MS = 4_000;
/** Not enough for two delays, one after the other: the process would then not end well. */
const SHUTDOWN_MS = 2 * DRAIN_DELAY_MS;
const CHECK = JSON.stringify({ tenantId: "acme", apiPath: "/orders", httpMethod: "GET" });

vi.setConfig(SYSTEM_TEST_TIMEOUTS);

describeWith(["redis-server", "postgres"], "a service that is told to end, and callers who look at /readyz", () => {
  let stack: SingleStack;
  const agents: Agent[] = [];
  beforeEach(async () => {
    stack = await startStack();
    await stack.put({
      plans: [{ name: "FREE", limits: { quotaPerMonth: 1_000_000 } }],
      tenants: [tenant({ id: "acme" })],
    });
  });
  afterEach(async () => {
    for (const agent of agents.splice(0)) agent.destroy();
    await stack.close();
  });

  for (const workers of ["1", "2"]) {
    test(`with ${workers} workers no call is lost, and idle connections do not hold the end`, async ({ annotate }) => {
      const service = await stack.start({
        environment: {
          SLUICE_WORKERS: workers,
          SLUICE_DRAIN_DELAY_MS: String(DRAIN_DELAY_MS),
          SLUICE_SHUTDOWN_MS: String(SHUTDOWN_MS),
          SLUICE_CHECK_DEADLINE_MS: "5000",
        },
      });
      const readiness = watchReadiness(service);
      const idle = poolOf();
      const answers = await askTogether(IDLE_CONNECTIONS, service.port, idle);
      const asking = Promise.all(
        Array.from({ length: CALLERS }, () => askWhileWelcome(service.port, poolOf(), readiness.isReady, answers)),
      );
      await waitFor("the load runs", () => answers.length > CALLERS * 10);

      const toldMs = performance.now();
      service.process.signal("SIGTERM");
      await waitFor("a caller sees that it is unready", () => !readiness.isReady());
      // Somebody who has not looked yet: he is served too, whichever worker gets his new connection.
      const late = await askTogether(CALLERS, service.port, poolOf());
      expect(late.filter(({ isLast }) => !isLast)).toEqual([]);
      expect(keptBy(idle)).toBe(IDLE_CONNECTIONS);
      answers.push(...late);
      await asking;
      await readiness.stop();

      expect(await service.process.ended).toBe(0);
      await annotate(`${answers.length} calls; ended ${Math.round(performance.now() - toldMs)} ms after SIGTERM`);
      expect(answers.filter(({ outcome }) => outcome !== "OK")).toEqual([]);
      expect(await usageHeld([stack.redis], "acme")).toBe(answers.length);
      await waitFor("the idle connections to be closed", () => keptBy(idle) === 0);
    });
  }

  function poolOf(): Agent {
    const agent = new Agent({ keepAlive: true });
    agents.push(agent);
    return agent;
  }
});

function keptBy(agent: Agent): number {
  return Object.values(agent.freeSockets).flat().length;
}

/** `isLast` = the answer says that its connection is closed after it. */
type Answer = Readonly<{ outcome: string; isLast: boolean }>;

/** One caller on one connection that he keeps; he opens another only while the service says that it is ready. */
async function askWhileWelcome(port: number, agent: Agent, isReady: () => boolean, answers: Answer[]): Promise<void> {
  let mayAsk = true;
  while (mayAsk) {
    const answer = await ask(port, agent);
    answers.push(answer);
    mayAsk = !answer.isLast || isReady();
  }
}

/** Each on a connection of its own. */
function askTogether(count: number, port: number, agent: Agent): Promise<Answer[]> {
  return Promise.all(Array.from({ length: count }, () => ask(port, agent)));
}

function ask(port: number, agent: Agent): Promise<Answer> {
  return new Promise((resolve) => {
    const headers = { "content-type": "application/json", "content-length": CHECK.length };
    const lost = (fault: Error) => resolve({ outcome: fault.message, isLast: true });
    const sent = request({ host: "127.0.0.1", port, path: CHECK_PATH, method: "POST", agent, headers }, (response) => {
      const isLast = response.headers.connection === "close";
      text(response).then((body) => resolve({ outcome: outcomeOf(response.statusCode, body), isLast }), lost);
    });
    sent.on("error", lost).end(CHECK);
  });
}

function outcomeOf(status: number | undefined, body: string): string {
  return status === 200 ? (JSON.parse(body) as Decision).reason : `${status} ${body}`;
}

function watchReadiness(service: ServiceProcess) {
  let isReady = true;
  let isStopped = false;
  const look = async () => {
    while (!isStopped && service.process.isRunning()) {
      isReady = (await service.operations("/readyz").catch(() => null))?.status === 200;
      await pause(LOOK_EVERY_MS);
    }
  };
  const looking = look();
  return {
    isReady: () => isReady,
    stop: async () => {
      isStopped = true;
      await looking;
    },
  };
}
