import { request as ask, type RequestListener } from "node:http";
import { connect, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { waitFor } from "../../test/wait.ts";
import { refuse } from "./answer.http.ts";
import { readJson } from "./body.http.ts";
import { createHttpListener, type HttpListener } from "./http.ts";

const opened: { listener: HttpListener; sockets: Socket[] }[] = [];

async function open(handle: RequestListener) {
  const listener = createHttpListener(handle, null);
  const sockets: Socket[] = [];
  listener.server.on("connection", (socket: Socket) => sockets.push(socket));
  opened.push({ listener, sockets });
  return { listener, sockets, port: await listener.listen(0, "127.0.0.1") };
}

afterEach(async () => {
  for (const { listener } of opened.splice(0)) {
    listener.server.closeAllConnections();
    await listener.drain();
  }
});

/** A raw connection that keeps all it hears. */
function dial(port: number) {
  const socket = connect(port, "127.0.0.1");
  const line = { heard: "", closed: false, socket };
  socket.on("data", (chunk) => {
    line.heard += chunk.toString("latin1");
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    line.closed = true;
  });
  return line;
}

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

test("draining answers what is in flight, then closes its connection though it was to be kept", async () => {
  const answers: (() => void)[] = [];
  const { listener, port } = await open((_request, response) => answers.push(() => response.end("done")));
  const idle = dial(port);
  idle.socket.write(GET);
  await waitFor("the idle connection's request", () => answers.length === 1);
  answers[0]?.();
  await waitFor("the idle connection's answer", () => idle.heard.includes("done"));
  const busy = dial(port);
  busy.socket.write(GET);
  await waitFor("the request in flight", () => answers.length === 2);

  let drained = false;
  const draining = listener.drain().then(() => {
    drained = true;
  });
  await waitFor("the idle connection to be closed", () => idle.closed);
  expect(drained).toBe(false);
  expect(await refusesConnections(port)).toBe(true);
  answers[1]?.();
  await draining;
  await waitFor("the answer and the end of its connection", () => busy.heard.includes("done") && busy.closed);
});

test("a request that comes on a kept connection while draining is answered, with Connection: close", async () => {
  const answers: (() => void)[] = [];
  const { listener, port } = await open((_request, response) => answers.push(() => response.end("done")));
  const line = dial(port);
  line.socket.write(GET);
  await waitFor("the first request", () => answers.length === 1);
  const draining = listener.drain();
  // Pipelined: it is read only after the first answer, on a connection that is never idle in between.
  line.socket.write(GET);
  answers[0]?.();
  await waitFor("the second request", () => answers.length === 2);
  answers[1]?.();
  await draining;
  await waitFor("the connection to be closed", () => line.closed);
  expect(line.heard.match(/done/g)).toHaveLength(2);
  expect(line.heard.match(/Connection: (.*)\r\n/g)).toEqual(["Connection: keep-alive\r\n", "Connection: close\r\n"]);
});

test("released, it answers kept connections and new ones alike, each with its last answer", async () => {
  const { listener, port } = await open((_request, response) => response.end("done"));
  const kept = dial(port);
  kept.socket.write(GET);
  await waitFor("the answer on a kept connection", () => kept.heard.includes("done"));
  listener.release();
  kept.socket.write(GET);
  const fresh = dial(port);
  fresh.socket.write(GET);
  await waitFor("both connections to be closed", () => kept.closed && fresh.closed);
  expect(kept.heard.match(/Connection: (.*)\r\n/g)).toEqual(["Connection: keep-alive\r\n", "Connection: close\r\n"]);
  expect(kept.heard.match(/done/g)).toHaveLength(2);
  expect(fresh.heard).toMatch(/Connection: close\r\n[\s\S]*done$/);
});

test("drain may be called twice, and before listening", async () => {
  const { listener } = await open(() => {});
  await Promise.all([listener.drain(), listener.drain()]);
  await createHttpListener(() => {}, null).drain();
});

test("a port that is taken is an error of listen, not of the process", async () => {
  const { port } = await open(() => {});
  await expect(createHttpListener(() => {}, null).listen(port, "127.0.0.1")).rejects.toThrow(/EADDRINUSE/);
});

test.for([
  ["no HTTP at all", "\u0016\u0003\u0001 hello\r\n\r\n", 400, "MALFORMED_HTTP"],
  ["headers without end", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431, "HEADERS_TOO_LARGE"],
  [
    "two lengths",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    400,
    "MALFORMED_HTTP",
  ],
])("%s is answered by a problem, and the connection closed", async ([, bytes, status, code]) => {
  const { port } = await open((_request, response) => response.end());
  const line = dial(port);
  line.socket.write(String(bytes));
  await waitFor("the connection to be closed", () => line.closed);
  expect(line.heard).toContain(`HTTP/1.1 ${status} `);
  expect(line.heard).toContain("application/problem+json");
  expect(line.heard).toContain(`"code":"${code}"`);
});

const LIMIT = 16 * 1024;

/** Refuses what is larger than LIMIT. */
const bounded: RequestListener = (request, response) =>
  readJson(request, LIMIT, (body) => {
    if (body.kind === "ok") response.end("{}");
    else refuse(request, response, { code: "BODY_TOO_LARGE", detail: body.kind, traceId: "t" });
  });

test.for([
  ["says so", { "content-length": `${2 ** 30}` }],
  ["is chunked and says nothing", {}],
])("of a body of 1 GB that %s next to nothing is read, and its sender sees the 413", async ([, headers]) => {
  const { port, sockets } = await open(bounded);
  const sent = await sendForever(port, headers as Record<string, string>);
  expect(sent.status).toBe(413);
  // What the kernel and one stream buffer take up; the sender offered a thousand times as much.
  expect(sockets[0]?.bytesRead).toBeLessThan(1_000_000);
  await waitFor("the connection to be closed", () => sockets[0]?.destroyed);
});

test("after a refusal of a small unread body the connection serves the next request", async () => {
  const { port, sockets } = await open((request, response) =>
    request.url === "/no"
      ? refuse(request, response, { code: "UNAUTHENTICATED", detail: "who", traceId: "t" })
      : response.end("yes"),
  );
  const line = dial(port);
  line.socket.write(`POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello${GET}`);
  await waitFor("both answers", () => line.heard.includes("401") && line.heard.endsWith("yes"));
  expect(sockets).toHaveLength(1);
});

/** Sends a megabyte after the other, whatever the peer says, until it closes the connection or a gigabyte is sent. */
function sendForever(port: number, headers: Record<string, string>): Promise<{ status: number | undefined }> {
  return new Promise((resolve) => {
    const megabyte = Buffer.alloc(2 ** 20, 0x20);
    const type = { "content-type": "application/json" };
    const asking = ask({ port, host: "127.0.0.1", method: "POST", headers: { ...type, ...headers } });
    let status: number | undefined;
    let left = 1024;
    asking.on("response", (response) => {
      status = response.statusCode;
      response.resume();
    });
    asking.on("error", () => undefined);
    asking.on("close", () => resolve({ status }));
    const more = () => {
      while (left > 0 && asking.writable) {
        left -= 1;
        if (!asking.write(megabyte)) {
          asking.once("drain", more);
          return;
        }
      }
    };
    more();
  });
}

function refusesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.on("error", () => resolve(true));
  });
}
