// Puts the exact dependencies (and Node 26 itself) into node_modules before any npm script runs.
// Plain JavaScript without dependencies: it must run on whatever Node started npm, before anything is installed.
// Quiet when nothing is to do: the stamp holds the hash of the lock file that was installed last.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const stamp = join(root, "node_modules", ".sluice-installed");
const wanted = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .digest("hex");

if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
  console.error("sluice: installing the dependencies of package-lock.json (first run only) ...");
  const npm = process.env.npm_execpath;
  const [command, args] = npm?.endsWith(".js") ? [process.execPath, [npm]] : ["npm", []];
  const installed = spawnSync(command, [...args, "ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (installed.status !== 0) {
    console.error("sluice: `npm ci` failed. Check the network to your npm registry, then run the command again.");
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}
