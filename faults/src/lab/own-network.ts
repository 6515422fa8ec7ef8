// The lab runs in a network namespace of its own, where it is alone and may say how routes behave (Linux, as root).
//
// Routes acknowledge at once there, as deploy/redis/redis.conf demands between nodes: Redis waits with the news of a planned
// failover until the peer's kernel has acknowledged its call for votes, which by default takes 40 ms, and the old master
// keeps callers waiting meanwhile. Elsewhere the lab runs where it was started, and planned failovers show those 40 ms.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { findProgram } from "../../../service/test/programs.ts";

const MARK = "SLUICE_FAULTS_OWN_NETWORK";
const ENTER = `
set -e
ip link set lo up
for network in 127.0.0.0/8 127.0.0.1; do
  ip route change table local local $network dev lo proto kernel scope host src 127.0.0.1 quickack 1
done
exec "$@"`;

/** Runs this very program once more in there, and returns its exit code; null where it is there, or cannot be. */
export async function runInOwnNetwork(): Promise<number | null> {
  const isPossible = process.platform === "linux" && process.getuid?.() === 0;
  const [setpriv, unshare, ip] = ["setpriv", "unshare", "ip"].map(findProgram);
  if (process.env[MARK] !== undefined || !isPossible || !setpriv || !unshare || !ip) return null;
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawn(setpriv, ["--pdeathsig", "KILL", unshare, "--net", "sh", "-c", ENTER, "sh", ...again], {
    stdio: "inherit",
    env: { ...process.env, [MARK]: "1" },
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
