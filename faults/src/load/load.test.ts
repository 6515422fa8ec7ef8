// The generator's process against a server that answers, refuses, breaks connections, and says whom it saw.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { waitFor } from "../../../service/test/wait.ts";
import { castOf } from "./cast.ts";
import { type Load, startLoad } from "./load.ts";

const ENOUGH = 150;
const DECISION = { allowed: true, reason: "OK", deniedBy: null, notes: [] };

let folder: string;
let server: Server;
let load: Load | null;
let seen: { requestId: string | undefined }[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-load-"));
  load = null;
  seen = [];
});
afterEach(async () => {
  load?.kill();
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

test("every request that the server saw is in the journal, once, with what became of it", async () => {
  const { entries } = await loadOn((_, response) => response.end(JSON.stringify(DECISION)));
  expect(entries).toHaveLength(seen.length);
  expect(entries.every(({ reason, status, allowed }) => reason === "OK" && status === 200 && allowed)).toBe(true);
  expect(entries.map(({ requestId }) => requestId).sort()).toEqual(
    seen.map(({ requestId }) => requestId ?? null).sort(),
  );
});

test("a request without an answer is asked again once, and only if it carries a requestId", async () => {
  const { entries } = await loadOn((_, response) => response.destroy());
  expect(entries.every(({ reason, status, fault }) => reason === null && status === 0 && fault !== null)).toBe(true);
  expect(new Set(entries.map(({ requestId, retries }) => `${requestId === null} ${retries}`))).toEqual(
    new Set(["true 0", "false 1"]),
  );
  const withId = entries.filter(({ requestId }) => requestId !== null).length;
  expect(seen.filter(({ requestId }) => requestId !== undefined)).toHaveLength(2 * withId);
  expect(seen.filter(({ requestId }) => requestId === undefined)).toHaveLength(entries.length - withId);
});

test("an answer that is no decision is journaled with its status and its words", async () => {
  const { entries } = await loadOn((number, response) => {
    response.statusCode = number % 2 === 0 ? 500 : 200;
    response.end("<html>");
  });
  expect(entries.every(({ reason, fault }) => reason === null && fault?.includes("<html>"))).toBe(true);
  expect(new Set(entries.map(({ status }) => status))).toEqual(new Set([200, 500]));
});

type Answer = (number: number, response: Parameters<NonNullable<Parameters<typeof createServer>[1]>>[1]) => unknown;

async function loadOn(answer: Answer) {
  let number = 0;
  server = createServer(async (request, response) => {
    const { requestId } = (await json(request)) as { requestId?: string };
    seen.push({ requestId });
    number += 1;
    answer(number, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const place = { targets: [target], headers: {}, journalPath: join(folder, "journal") };
  load = await startLoad({ ...place, perSecond: 500, cast: castOf("test"), seed: 3, source: "test" });
  await waitFor("the server saw enough", () => seen.length >= ENOUGH);
  return await load.stop();
}
