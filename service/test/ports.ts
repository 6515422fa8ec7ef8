// Hands out TCP ports on 127.0.0.1 that no other test takes, in this process or in one running beside it.
//
// "Bind to 0 and close" lets two test files win the same port. Here a claim is a second socket that stays open: port P is
// ours while we listen on P + GUARD_OFFSET. The kernel arbitrates, and drops the claim when the process ends in any way.
// All ports lie below the ephemeral range, so that no outgoing connection sits on one by chance.
import { createServer, type Server } from "node:net";

const FIRST_PORT = 11_000;
const PORT_COUNT = 10_000;
const GUARD_OFFSET = 10_000;
/** A port is refused when it or its guard is taken; more refusals than this mean that something is badly wrong. */
const MAX_ATTEMPTS = 500;

/** Claims one port until this process ends. */
export async function claimPort(): Promise<number> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORT_COUNT);
    const guard = await listen(port + GUARD_OFFSET);
    if (guard === null) continue;
    const probe = await listen(port);
    if (probe !== null) {
      await close(probe);
      guard.unref();
      return port;
    }
    await close(guard);
  }
  throw new Error(`No free port in ${FIRST_PORT}-${FIRST_PORT + PORT_COUNT - 1} after ${MAX_ATTEMPTS} attempts.`);
}

/** Claims `count` distinct ports. */
export async function claimPorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await claimPort());
  return ports;
}

/** The listening server, or null when the port is taken. */
function listen(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", () => resolve(null));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
