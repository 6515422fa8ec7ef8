// One HTTP peer of a service, as a gateway is: connections that stay open, every answer awaited within a bound.
import { Agent, request } from "node:http";

/** Far above any deadline of the service: an answer that takes longer is a fault, not a slow answer. */
const ANSWER_TIMEOUT_MS = 10_000;

export type Reply = Readonly<{ status: number; text: string }>;

export type Caller = Readonly<{
  get: (path: string) => Promise<Reply>;
  post: (path: string, body: unknown) => Promise<Reply>;
  close: () => void;
}>;

/** `keepAlive` false: a new connection for every request. `headers` go with each. */
export function createCaller(
  port: number,
  keepAlive = true,
  headers: Readonly<Record<string, string>> = {},
  host = "127.0.0.1",
): Caller {
  const agent = new Agent({ keepAlive, maxSockets: Number.POSITIVE_INFINITY });
  const send = (method: string, path: string, body: string | null) => {
    return new Promise<Reply>((resolve, reject) => {
      const ofBody =
        body === null ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const options = { host, port, path, method, agent, headers: { ...headers, ...ofBody } };
      const sent = request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      });
      sent.setTimeout(ANSWER_TIMEOUT_MS, () => sent.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS} ms`)));
      sent.on("error", reject);
      sent.end(body ?? undefined);
    });
  };
  return {
    get: (path) => send("GET", path, null),
    post: (path, body) => send("POST", path, JSON.stringify(body)),
    close: () => agent.destroy(),
  };
}
