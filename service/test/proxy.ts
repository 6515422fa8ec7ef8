// A TCP proxy between a client and a real server: holds replies back, or cuts the line after the server has answered.
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export type Proxy = Readonly<{
  port: number;
  /** From now on what the server says stays in the proxy. */
  holdReplies: () => void;
  /** Lets through what was held, and everything after it. */
  releaseReplies: () => void;
  /** Closes every connection; what was held is lost. */
  cut: () => void;
  /** Bytes of replies that are being held: the server has answered. */
  heldBytes: () => number;
  /** Connections that were ever made. */
  connections: () => number;
  close: () => Promise<void>;
}>;

export async function startProxy(targetPort: number): Promise<Proxy> {
  let holding = false;
  let connections = 0;
  const held: { to: Socket; chunk: Buffer }[] = [];
  const sockets = new Set<Socket>();

  const server = createServer((client) => {
    connections += 1;
    const upstream = connect(targetPort, "127.0.0.1");
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.on("data", (chunk: Buffer) => upstream.write(chunk));
    upstream.on("data", (chunk: Buffer) => (holding ? held.push({ to: client, chunk }) : client.write(chunk)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  const cut = () => {
    held.length = 0;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    holdReplies: () => {
      holding = true;
    },
    releaseReplies: () => {
      holding = false;
      for (const { to, chunk } of held.splice(0)) to.write(chunk);
    },
    cut,
    heldBytes: () => held.reduce((sum, { chunk }) => sum + chunk.length, 0),
    connections: () => connections,
    close: async () => {
      cut();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
