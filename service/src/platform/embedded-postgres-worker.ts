// The thread of the embedded database: opens PGlite on its folder and serves it on a Unix socket.
// Says "ready" once it listens; ends by itself, everything written, when it is told anything.
import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { PGlite } from "@electric-sql/pglite";
import { createSessionServer } from "./embedded-postgres-server.ts";

const { dataFolder, socketPath } = workerData as Readonly<{ dataFolder: string; socketPath: string }>;

const database = await PGlite.create({ dataDir: dataFolder });
const server = createSessionServer(runTurn);
server.listen(socketPath);
await once(server, "listening");
parentPort?.postMessage("ready");

parentPort?.once("message", async () => {
  server.close();
  await database.close();
  process.exit();
});

async function runTurn(messages: Buffer): Promise<Buffer> {
  const answers: Uint8Array[] = [];
  // Copied: PGlite reuses the memory behind what it hands out.
  const onRawData = (bytes: Uint8Array) => void answers.push(bytes.slice());
  await database.runExclusive(() => database.execProtocolRawStream(messages, { onRawData }));
  return Buffer.concat(answers);
}
