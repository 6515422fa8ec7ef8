// A TCP server that answers whatever arrives with the same bytes: the least a server can do, to see what the load
// generator can do alone.
import { createServer } from "node:net";

const ANSWER = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n${"x".repeat(600)}`);

process.once("message", () => {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("data", () => socket.write(ANSWER));
    socket.on("error", () => socket.destroy());
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address !== null && typeof address === "object") process.send?.(address.port);
  });
});
process.once("disconnect", () => process.exit());
