// The wire between `sluice check` and a service: what is sent, and what each answer means for the exit code.
// Not here: the service itself; its own tests ask it through this command too.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { runForTest } from "../test/run.ts";

const remaining = { perSecond: 9, perMinute: null, perDay: null, quotaDaily: null, quotaMonthly: null };
const decision = { allowed: true, reason: "OK", status: 200, remaining, retryAfterMs: null, deniedBy: null, notes: [] };

test("the flags become one check, and the decision is printed as it came", async () => {
  const asked = await ask(200, decision, ["--user", "u-1", "--cost", "3", "--request-id", "r", "--method", "POST"]);
  expect(asked.body).toEqual({
    tenantId: "acme",
    apiPath: "/v1/a",
    httpMethod: "POST",
    userId: "u-1",
    cost: 3,
    requestId: "r",
  });
  expect(asked.exitCode).toBe(0);
  expect(JSON.parse(asked.data)).toEqual(decision);
});

test("what is not given is not sent, and a credential is proved in its header", async () => {
  const asked = await ask(200, decision, ["--credential", "secret"]);
  expect(asked.body).toEqual({ tenantId: "acme", apiPath: "/v1/a", httpMethod: "GET" });
  expect(asked.headers?.["x-service-auth"]).toBe("secret");
});

test.each([
  ["a refusal", 200, { ...decision, allowed: false, reason: "RATE_LIMIT_EXCEEDED" }, 10],
  [
    "a malformed request",
    400,
    { code: "INVALID_REQUEST", errors: [{ pointer: "/apiPath", detail: "starts with /" }] },
    2,
  ],
  ["a caller without proof", 401, { code: "UNAUTHENTICATED" }, 3],
  ["a wrong address", 404, { code: "NOT_FOUND" }, 4],
  ["a service that is not ready", 503, { code: "NOT_READY" }, 69],
  ["a broken service", 500, "not json", 1],
])("%s has its own exit code", async (_, status, body, exitCode) => {
  expect(await ask(status, body, [])).toMatchObject({ exitCode });
});

test("every fault of a request is told with its place", async () => {
  const body = { detail: "faulty", errors: [{ pointer: "/apiPath", detail: "starts with /" }] };
  expect((await ask(400, body, [])).talk).toContain("/apiPath: starts with /");
});

test("no service is 69, and no question is 2", async () => {
  const words = ["check", "--tenant", "acme", "--path", "/"];
  expect(await runForTest([...words, "--url", "http://127.0.0.1:1"])).toMatchObject({ exitCode: 69, data: "" });
  expect(await runForTest([...words, "--url", "nonsense"])).toMatchObject({ exitCode: 2 });
  expect(await runForTest([...words, "--cost", "many"])).toMatchObject({ exitCode: 2 });
  expect(await runForTest(["check", "--path", "/"])).toMatchObject({ exitCode: 2 });
});

async function ask(status: number, answer: unknown, words: readonly string[]) {
  let body: unknown;
  let headers: IncomingMessage["headers"] | undefined;
  const server = createServer(async (request, response) => {
    headers = request.headers;
    body = JSON.parse((await request.toArray()).join(""));
    response.writeHead(status).end(typeof answer === "string" ? answer : JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const run = await runForTest(["check", "--tenant", "acme", "--path", "/v1/a", ...words], { SLUICE_URL: url });
    return { ...run, body, headers };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
