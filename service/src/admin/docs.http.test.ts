import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requireProgram } from "../../test/programs.ts";
import { describeWith } from "../../test/services.ts";
import { type AdminWorld, openAdminWorld } from "./admin.world.ts";

const COMMITTED = join(import.meta.dirname, "../../../contract/openapi.json");
/** Nothing that is documented here needs a database. */
const NOWHERE = "postgres://postgres@127.0.0.1:1/nowhere";
/** The reference asks whether it may compile code, and goes on without. */
const BLOCKED_AND_HARMLESS = ["eval"];

let world: AdminWorld;
beforeAll(async () => {
  world = await openAdminWorld(NOWHERE, () => []);
});
afterAll(() => world?.[Symbol.asyncDispose]());

const get = (url: string, headers: Record<string, string> = {}) => world.door.inject({ method: "GET", url, headers });

test("/openapi.json is the committed document, compressed for who can read that", async () => {
  const committed = await readFile(COMMITTED, "utf8");
  const plain = await get("/openapi.json");
  expect(plain.headers).toMatchObject({ "content-type": expect.stringContaining("application/json") });
  expect(plain.headers["content-encoding"]).toBe(undefined);
  expect(plain.body).toBe(committed);
  const packed = await get("/openapi.json", { "accept-encoding": "br, gzip" });
  expect(packed.headers).toMatchObject({ "content-encoding": "gzip", vary: "Accept-Encoding" });
  expect(gunzipSync(packed.rawPayload).toString()).toBe(committed);
});

test("/openapi.json is not sent again to who has it", async () => {
  const { headers } = await get("/openapi.json");
  expect(headers["cache-control"]).toBe("no-cache");
  const again = await get("/openapi.json", { "if-none-match": `"other", ${headers.etag}` });
  expect([again.statusCode, again.body, again.headers.etag]).toEqual([304, "", headers.etag]);
  expect((await get("/openapi.json", { "if-none-match": '"other"' })).statusCode).toBe(200);
});

test("a script runs on /docs only with the nonce of that answer", async () => {
  const nonces = await Promise.all(
    [1, 2].map(async () => {
      const { headers, body } = await get("/docs");
      const nonce = /script-src 'nonce-([\w+/=]+)'(?:;|$)/.exec(String(headers["content-security-policy"]))?.[1];
      const scripts = body.match(/<script[^>]*>/g) ?? [];
      expect(scripts.length).toBeGreaterThan(0);
      expect(scripts.every((script) => script.includes(`nonce="${nonce}"`))).toBe(true);
      return nonce;
    }),
  );
  expect(nonces[0]).not.toBe(nonces[1]);
});

describeWith(["chromium"], "in a browser", () => {
  let browser: Browser;
  let url: string;
  beforeAll(async () => {
    url = await world.door.listen({ port: 0, host: "127.0.0.1" });
    // Whatever is asked of another host fails at once; that it was asked is what the test looks at.
    const args = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"];
    browser = await chromium.launch({ executablePath: requireProgram("chromium"), args });
  });
  afterAll(() => browser?.close());

  test("/docs shows the routes, finds and tries them, and asks nothing of any other origin", async () => {
    const page = await browser.newPage({ viewport: { width: 1_400, height: 1_000 } });
    const seen = await watch(page);
    await page.goto(`${url}/docs`);
    await page.getByText("/internal/rate-limit/check/batch").first().waitFor();
    await page.getByRole("button", { name: "Open Group - plans" }).click();
    await page.getByRole("link", { name: "Replace a plan's limits" }).click();
    await page.getByRole("heading", { name: "Replace a plan's limits" }).waitFor();
    await page.getByText("/admin/plans/{name}").first().waitFor();

    await page.keyboard.press("Control+k");
    await page.getByRole("dialog").getByRole("combobox").fill("refresh token");
    await page.getByRole("dialog").getByText("Trade a refresh token for new tokens").first().waitFor();
    await page.keyboard.press("Escape");

    await page.getByRole("link", { name: "List plans by name" }).click();
    await page.getByRole("button", { name: "Test Request (get /admin/plans)" }).click();
    const send = page.getByRole("button", { name: /^Send Request/ });
    const [answered] = await Promise.all([page.waitForResponse(/\/admin\/plans(?:\?|$)/), send.click()]);
    // This door has no such route: that it was asked is enough.
    expect(answered.status()).toBe(404);

    expect(seen.requests.filter((address) => !address.startsWith(`${url}/`))).toEqual([]);
    expect(seen.requests).toEqual(expect.arrayContaining([`${url}/docs/reference.js`, `${url}/openapi.json`]));
    expect(seen.blocked.filter((what) => !BLOCKED_AND_HARMLESS.includes(what))).toEqual([]);
    expect(seen.errors).toEqual([]);
    await page.close();
  });
});

/** What the page asks for, what its policy keeps it from, and what goes wrong in it. */
async function watch(page: Page) {
  const seen = { requests: [] as string[], blocked: [] as string[], errors: [] as string[] };
  page.on("request", (request) => {
    if (!request.url().startsWith("data:")) seen.requests.push(request.url().replace(/#.*/, ""));
  });
  page.on("pageerror", (fault) => seen.errors.push(fault.message));
  await page.exposeFunction("tellBlocked", (what: string) => seen.blocked.push(what));
  await page.addInitScript(`
    document.addEventListener("securitypolicyviolation", ({ blockedURI }) => tellBlocked(blockedURI));
  `);
  return seen;
}
