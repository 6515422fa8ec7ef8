import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { arrivals } from "./arrivals.ts";
import type { JournalJob } from "./job.ts";
import { runJournal } from "./journal.ts";

const ASK = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n";

test("every request is told with its reason, or with its status when that is not 200", async () => {
  let asked = 0;
  const told = await runJournal(
    await jobFor((_request, response) => {
      const body = '{"reason":"ALLOW_FALLBACK"}';
      response.writeHead(asked++ === 0 ? 503 : 200, { "Content-Length": body.length }).end(body);
    }),
  );
  expect(told).toHaveLength(arrivals(200, 0.3, 1).length);
  expect(told.map(({ outcome }) => outcome)).toEqual(["HTTP 503", ...told.slice(1).map(() => "ALLOW_FALLBACK")]);
  expect(told.filter(({ dueMs, noticedMs, answeredMs }) => dueMs > noticedMs || noticedMs > answeredMs)).toEqual([]);
});

test("a request that gets no reply because the server hangs up ends the journal", async () => {
  const job = await jobFor((request) => request.socket.destroy());
  await expect(runJournal(job)).rejects.toThrow();
});

/** Against a server of its own. One connection: requests arrive there in the order they were due. */
async function jobFor(listener: RequestListener): Promise<JournalJob> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-journal-"));
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });
  const address = server.address();
  if (address === null || typeof address !== "object") throw new Error("The server has no port.");
  return {
    kind: "journal",
    port: address.port,
    protocol: "http",
    requests: [ASK],
    connections: 1,
    seconds: 0.3,
    perSecond: 200,
    seed: 1,
    stallsFile: join(folder, "stalls"),
  };
}
