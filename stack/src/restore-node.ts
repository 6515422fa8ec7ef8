// Runs deploy/redis/restore-node.sh on a node of the stack, as an operator does.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { RedisServer, RedisStack } from "./redis-stack.ts";

const SCRIPT = fileURLToPath(new URL("../../deploy/redis/restore-node.sh", import.meta.url));

export type Restoring = Readonly<{ exitCode: number | null; said: string }>;

/** For `words` see its --help: ["empty", node.dataFolder, "--peer", peer.address]. */
export async function restoreNode(redis: RedisStack, words: readonly string[]): Promise<Restoring> {
  const operator = redis.environmentOf("operator");
  const asOperator = words.includes("--peer") ? ["--", "--user", "operator", ...tlsOptions(operator)] : [];
  const script = spawn(SCRIPT, [...words, ...asOperator], {
    env: { ...process.env, REDISCLI_AUTH: operator.SLUICE_REDIS_PASSWORD },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const listen = (text: Buffer) => {
    said += text;
  };
  script.stdout.on("data", listen);
  script.stderr.on("data", listen);
  const [exitCode] = (await once(script, "close")) as [number | null];
  return { exitCode, said };
}

/** The same with --apply; throws what was said when it was refused. */
export async function applyRestore(redis: RedisStack, words: readonly string[]): Promise<void> {
  const { exitCode, said } = await restoreNode(redis, [...words, "--apply"]);
  if (exitCode !== 0) throw new Error(`restore-node.sh ${words.join(" ")} ended with ${exitCode}: ${said}`);
}

/** Any running node that may be asked how the cluster is. */
export function runningPeer(redis: RedisStack): RedisServer {
  const peer = redis.nodes.find((node) => node.isRunning());
  if (peer === undefined) throw new Error("No node of the cluster runs: start one, or say --no-peer.");
  return peer;
}

function tlsOptions(environment: Readonly<Record<string, string>>): string[] {
  const files = [
    ["--cacert", environment.SLUICE_REDIS_TLS_CA_FILE],
    ["--cert", environment.SLUICE_REDIS_TLS_CERT_FILE],
    ["--key", environment.SLUICE_REDIS_TLS_KEY_FILE],
  ].flatMap(([option, file]) => (option !== undefined && file !== undefined ? [option, file] : []));
  return files.length === 0 ? [] : ["--tls", ...files];
}
