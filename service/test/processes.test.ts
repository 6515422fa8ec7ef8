import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { startProcess } from "./processes.ts";
import { waitFor } from "./wait.ts";

const processesModule = fileURLToPath(new URL("./processes.ts", import.meta.url));
const sleeper = ["-e", "console.log('up'); setInterval(() => undefined, 1_000)"] as const;
const deaf = ["-e", "process.on('SIGTERM', () => undefined); console.log('up'); setInterval(() => {}, 1_000)"] as const;

test("a process is running until it is stopped", async () => {
  const child = await startProcess(process.execPath, sleeper);
  expect(child.isRunning()).toBe(true);
  await child.stop();
  expect(child.isRunning()).toBe(false);
  expect(isAlive(child.pid)).toBe(false);
});

test("a frozen process can be stopped and killed", async () => {
  const stopped = await startProcess(process.execPath, sleeper);
  await waitFor("it is up", () => stopped.output() !== "");
  stopped.signal("SIGSTOP");
  await stopped.stop();
  const killed = await startProcess(process.execPath, deaf);
  await waitFor("it is up", () => killed.output() !== "");
  killed.signal("SIGSTOP");
  await killed.kill();
  expect([stopped.isRunning(), killed.isRunning()]).toEqual([false, false]);
});

test("its output and exit code are kept", async () => {
  const child = await startProcess(process.execPath, [
    "-e",
    "console.log('out'); console.error('err'); process.exit(3)",
  ]);
  expect(await child.ended).toBe(3);
  await waitFor("both streams", () => child.output().includes("out") && child.output().includes("err"));
});

test("a program that does not exist is a rejection", async () => {
  await expect(startProcess("/no/such/program", [])).rejects.toThrow();
});

// Elsewhere a killed test process cannot take its children along: see processes.ts.
const deaths = process.platform === "linux" ? (["exit", "SIGTERM", "SIGKILL"] as const) : (["exit"] as const);
test.each(deaths)("no child outlives a test process that ends by %s, not even a frozen one", async (death) => {
  const program = `
    import { startProcess } from ${JSON.stringify(processesModule)};
    const child = await startProcess(process.execPath, ${JSON.stringify(sleeper)});
    while (child.output() === "") await new Promise((resolve) => setTimeout(resolve, 5));
    child.signal("SIGSTOP");
    console.log(child.pid);
    ${death === "exit" ? "process.exit(1);" : "setInterval(() => undefined, 1_000);"}`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(parent, "exit");
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const childPid = Number(line.toString());
  if (death !== "exit") parent.kill(death);
  await ended;
  await waitFor("the child is gone", () => !isAlive(childPid));
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
