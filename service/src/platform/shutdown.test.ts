import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { waitFor } from "../../test/wait.ts";
import { createShutdown } from "./shutdown.ts";

function world(limitMs = 5_000) {
  const exits: number[] = [];
  const said: string[] = [];
  const done: string[] = [];
  const shutdown = createShutdown({
    limitMs,
    exit: (code) => exits.push(code),
    say: (what) => said.push(what),
  });
  const step = (name: string) => shutdown.before(name, () => void done.push(name));
  return { shutdown, exits, said, done, step };
}

test("steps run in reverse order, once, and end the process well", async () => {
  const { shutdown, exits, done, step } = world();
  for (const name of ["database", "counters", "doors"]) step(name);
  await Promise.all([shutdown.run("SIGTERM"), shutdown.run("SIGINT")]);
  expect(done).toEqual(["doors", "counters", "database"]);
  expect(exits).toEqual([0]);
});

test("a step that fails does not keep the others from their turn, and shows in the exit code", async () => {
  const { shutdown, exits, said, done, step } = world();
  step("database");
  shutdown.before("counters", () => Promise.reject(new Error("broken")));
  shutdown.before("policies", () => {
    throw new Error("at once");
  });
  await shutdown.run("SIGTERM");
  expect(done).toEqual(["database"]);
  expect(said).toEqual(["stopping: SIGTERM", "policies was not closed well", "counters was not closed well"]);
  expect(exits).toEqual([1]);
});

test("a step that hangs is left behind in time for the others", async () => {
  const { shutdown, exits, done, step } = world(200);
  step("database");
  shutdown.before("doors", () => new Promise(() => {}));
  await shutdown.run("SIGTERM");
  expect(done).toEqual(["database"]);
  expect(exits).toEqual([1]);
});

const PROGRAM = `
  import { createHttpListener } from "${import.meta.dirname}/http.ts";
  import { createShutdown, shutdownOnSignals } from "${import.meta.dirname}/shutdown.ts";
  const listener = createHttpListener((request, response) => {
    if (request.url === "/now") response.end("now");
    else process.once("SIGUSR2", () => response.end("late"));
    if (request.url === "/late") console.log("in flight");
  }, null);
  const shutdown = createShutdown({ limitMs: 10000, exit: (code) => process.exit(code), say: (what) => console.log(what) });
  shutdown.before("doors", () => listener.drain());
  shutdownOnSignals(shutdown);
  console.log("port " + await listener.listen(0, "127.0.0.1"));
`;

test("SIGTERM: the process answers what is in flight, is not held by idle connections, and exits with 0", async () => {
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", PROGRAM], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    let said = "";
    child.stdout.on("data", (chunk) => {
      said += chunk;
    });
    const exited = once(child, "exit");
    const port = await waitFor("the port", () => /port (\d+)/.exec(said)?.[1], 30_000);
    const idle = await fetch(`http://127.0.0.1:${port}/now`);
    expect(await idle.text()).toBe("now");
    const late = fetch(`http://127.0.0.1:${port}/late`);
    await waitFor("the request in flight", () => said.includes("in flight"));
    child.kill("SIGTERM");
    await waitFor("the end to begin", () => said.includes("stopping: SIGTERM"));
    child.kill("SIGUSR2");
    expect(await (await late).text()).toBe("late");
    expect(await exited).toEqual([0, null]);
  } finally {
    child.kill("SIGKILL");
  }
});
