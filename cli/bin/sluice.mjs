#!/usr/bin/env node
// Starts the `sluice` command line. Plain JavaScript: it must run on whatever Node the shell finds.
// A Node that cannot run TypeScript directly hands over to the Node 26 that the project's dependencies bring.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const OLDEST_MAJOR = 24;
const here = dirname(fileURLToPath(import.meta.url));
const main = join(here, "..", "src", "main.ts");

if (Number(process.versions.node.split(".")[0]) >= OLDEST_MAJOR) {
  const { runSluice } = await import(main);
  process.exitCode = await runSluice(process.argv.slice(2));
} else {
  const node = findNewerNode(here);
  if (node === null) {
    console.error(
      `sluice needs Node ${OLDEST_MAJOR} or newer. Run \`npm ci\` at the repository root, which brings one.`,
    );
    process.exit(1);
  }
  handOver(node);
}

function findNewerNode(folder) {
  const node = join(folder, "node_modules", ".bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(node)) return node;
  const parent = dirname(folder);
  return parent === folder ? null : findNewerNode(parent);
}

/** Stays between the shell and the child: signals go down, the exit code comes up. */
function handOver(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (fault) => {
    console.error(`sluice: cannot start ${node}: ${fault.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
