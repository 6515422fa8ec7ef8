// A line to a server on which packets get lost and reordered: a TCP proxy that lets pieces through as f34-lossy-stream.ts
// says. The kernels of many machines have no netem, which would lose real packets.
// Not here: a connection that is closed in good order loses what was on its way, as if it had been reset.
import { connect, createServer, type Socket } from "node:net";
import { createLossyStream, type Line } from "./f34-lossy-stream.ts";

export type LossyProxy = Readonly<{
  /** Of clients, now. */
  connections: () => number;
  close: () => Promise<void>;
}>;
type Place = Readonly<{ host: string; port: number }>;

type LossyProxyOptions = Readonly<{
  from: Place;
  to: Place;
  line: () => Line;
  random: () => number;
}>;

/** Listening when it resolves. */
export async function startLossyProxy({ from, to, line, random }: LossyProxyOptions): Promise<LossyProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(to.port, to.host);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => other.destroy());
      const stop = passOn(socket, other, line, random);
      socket.on("close", () => {
        sockets.delete(socket);
        stop();
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ ...from, exclusive: true }, resolve);
  });
  return {
    connections: () => sockets.size / 2,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** One direction; call the result at its end. */
function passOn(from: Socket, to: Socket, line: () => Line, random: () => number): () => void {
  const stream = createLossyStream(performance.now(), line, random);
  const waiting: Buffer[] = [];
  let timer: NodeJS.Timeout | undefined;
  const deliver = () => {
    clearTimeout(timer);
    for (const chunk of waiting.splice(0, stream.arrivals(performance.now()))) to.write(chunk);
    const nextMs = stream.nextMs();
    if (nextMs !== null) timer = setTimeout(deliver, Math.max(0, nextMs - performance.now()));
  };
  from.on("data", (chunk: Buffer) => {
    waiting.push(chunk);
    stream.send(performance.now(), chunk.length);
    deliver();
  });
  return () => clearTimeout(timer);
}
