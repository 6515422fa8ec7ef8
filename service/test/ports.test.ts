import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { claimPort, claimPorts } from "./ports.ts";

const portsModule = fileURLToPath(new URL("./ports.ts", import.meta.url));

test("a claimed port can be listened on", async () => {
  const port = await claimPort();
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  await new Promise((resolve) => server.close(resolve));
});

test("processes that claim at the same time never get the same port, even before any of them listens", async () => {
  const claims = `import { claimPorts } from ${JSON.stringify(portsModule)};
    console.log(JSON.stringify(await claimPorts(300)));
    process.stdin.resume();
    process.stdin.on("end", () => process.exit());`;
  const mine = await claimPorts(300);
  const others = await Promise.all([1, 2].map(() => claimElsewhere(claims)));
  const all = [...mine, ...others.flat()];
  expect(new Set(all).size).toBe(900);
});

/** Both children hold their ports until they are told to end, so every claim is alive at once. */
const holding: (() => void)[] = [];
async function claimElsewhere(program: string): Promise<number[]> {
  const child = promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], { timeout: 30_000 });
  const line = await new Promise<string>((resolve) => child.child.stdout?.once("data", resolve));
  holding.push(() => child.child.stdin?.end());
  if (holding.length === 2) for (const release of holding) release();
  await child;
  return JSON.parse(line) as number[];
}
