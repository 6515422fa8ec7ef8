// One connection to the server under load: one request at a time, as bytes, without a client library in between.
import { connect, type Socket } from "node:net";
import { replyLength } from "./framing.ts";
import type { Protocol } from "./job.ts";

export class Line {
  readonly #socket: Socket;
  readonly #protocol: Protocol;
  readonly #onReply: (line: Line, reply: Buffer) => void;
  #partial: Buffer | null = null;

  private constructor(socket: Socket, protocol: Protocol, onReply: (line: Line, reply: Buffer) => void) {
    this.#socket = socket;
    this.#protocol = protocol;
    this.#onReply = onReply;
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
  }

  /** `onReply` may send the next request at once. `onFault` is told when the server hangs up. */
  static open(
    port: number,
    protocol: Protocol,
    onReply: (line: Line, reply: Buffer) => void,
    onFault: (fault: Error) => void,
  ): Promise<Line> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => {
        socket.on("error", onFault);
        socket.on("end", () => onFault(new Error("The server closed the connection.")));
        resolve(new Line(socket, protocol, onReply));
      });
      socket.once("error", reject);
    });
  }

  send(request: Buffer): void {
    this.#socket.write(request);
  }

  close(): void {
    this.#socket.destroy();
  }

  #received(chunk: Buffer): void {
    const bytes = this.#partial === null ? chunk : Buffer.concat([this.#partial, chunk]);
    const length = replyLength(this.#protocol, bytes);
    this.#partial = length === -1 ? bytes : null;
    if (length !== -1) this.#onReply(this, bytes);
  }
}
