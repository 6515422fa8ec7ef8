// What the balancer does with an instance that says unready, and with one that says nothing. The instances are servers of
// the test's own, which answer when they are told to.
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeWith } from "../../service/test/services.ts";
import { waitFor } from "../../service/test/wait.ts";
import { startBalancer } from "./balancer.ts";

const TIMEOUT_MS = 30_000;

describeWith(["haproxy"], "the balancer", () => {
  test("sends nothing more to who says unready, and brings what is asked there its answer", {
    timeout: TIMEOUT_MS,
  }, async () => {
    await using w = await world();
    const [first, second] = w.instances;
    const [one, other] = [w.ask(), w.ask()];
    await waitFor("both are asked", () => first.waiting() + second.waiting() === 2);
    first.says(503);
    await waitFor("it gets no more", async () => (await w.balancer.instancesUp()) === 1);
    // With the one that made it unready more than it takes to be held for dead, three; and well before HAProxy gives up.
    await first.looks(3);
    const more = w.ask();
    await waitFor("the other is asked", () => second.waiting() === 2);
    first.answer();
    second.answer();
    expect((await Promise.all([one, other, more])).sort()).toEqual(["200 first", "200 second", "200 second"]);

    first.says(200);
    await waitFor("it is asked again", async () => (await w.balancer.instancesUp()) === 2);
  });

  test("breaks off what waits at an instance that answers no look any more", { timeout: TIMEOUT_MS }, async () => {
    await using w = await world();
    const [first, second] = w.instances;
    const asked = [w.ask(), w.ask()];
    await waitFor("both are asked", () => first.waiting() + second.waiting() === 2);
    await first.vanish();
    await waitFor("it is held for dead", async () => (await w.balancer.instancesUp()) === 1);
    second.answer();
    expect((await Promise.all(asked)).sort()).toEqual(["200 second", expect.stringMatching(/^(?!200)/)].sort());
  });
});

async function world() {
  const folder = await mkdtemp(join(tmpdir(), "sluice-balancer-"));
  const instances = [await startInstance("first"), await startInstance("second")] as const;
  const balancer = await startBalancer(folder, instances);
  return {
    ...{ balancer, instances },
    ask: async () => {
      const asked = { method: "POST", body: "{}", headers: { "content-type": "application/json" } };
      const answer = await fetch(`${balancer.url}/internal/rate-limit/check`, asked).catch(() => null);
      return answer === null ? "none" : `${answer.status} ${await answer.text()}`;
    },
    [Symbol.asyncDispose]: async () => {
      await balancer.stop();
      for (const instance of instances) await instance.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Keeps every check waiting until it is told to answer. */
async function startInstance(name: string) {
  const waiting: (() => void)[] = [];
  let status = 200;
  let looks = 0;
  const checks = await listen((_, response) => void waiting.push(() => response.end(name)));
  const operations = await listen((_, response) => {
    looks += 1;
    response.writeHead(status).end();
  });
  return {
    ...{ name, url: checks.url, adminUrl: checks.url, opsUrl: operations.url },
    waiting: () => waiting.length,
    answer: () => {
      for (const answer of waiting.splice(0)) answer();
    },
    says: (wanted: number) => {
      status = wanted;
    },
    looks: async (count: number) => {
      const before = looks;
      await waitFor("it was looked at", () => looks >= before + count);
    },
    vanish: operations.close,
    close: async () => {
      await operations.close();
      await checks.close();
    },
  };
}

async function listen(handle: RequestListener) {
  const server = createServer(handle).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
