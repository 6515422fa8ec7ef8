// The bare node:http server that a check is compared with: reads a JSON body, parses it, answers a JSON body of the size
// of a decision. What a server puts between the two is handed in.
import { createServer } from "node:http";

export type EchoOrder = Readonly<{ answerBytes: number }>;

/** Listens on a free port of 127.0.0.1, which it resolves with. */
export function startEcho(answerBytes: number, between: (body: EchoBody) => Promise<boolean> | null): Promise<number> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.parse((chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))?.toString() ?? "") as EchoBody;
      const answer = (allowed: boolean) => {
        const text = echoOf(body, allowed, answerBytes);
        response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) });
        response.end(text);
      };
      const waiting = between(body);
      if (waiting === null) answer(true);
      else void waiting.then(answer);
    });
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address !== null && typeof address === "object") resolve(address.port);
    });
  });
}

export type EchoBody = Readonly<{ tenantId: string }>;

const FRAME_BYTES = '{"allowed":true,"echo":,"filler":""}'.length;

/** The parsed body serialised again, filled up to `bytes`. */
function echoOf(body: EchoBody, allowed: boolean, bytes: number): string {
  const echo = JSON.stringify(body);
  const filler = "x".repeat(Math.max(0, bytes - FRAME_BYTES - echo.length));
  return `{"allowed":${allowed},"echo":${echo},"filler":"${filler}"}`;
}
