// Sessions of the command line against one real service: where they are kept, how they are renewed, how they end.
import { execFile } from "node:child_process";
import { readFile, stat, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ADMIN, type AdminService, startAdminService } from "../test/admin-service.ts";
import { runForTest } from "../test/run.ts";

const BIN = fileURLToPath(new URL("../bin/sluice.mjs", import.meta.url));

let world: AdminService;
beforeAll(async () => {
  world = await startAdminService();
  await world.data(["plans", "create", "BASIC", "--per-minute", "60"]);
});
afterAll(() => world?.close());

const sessionsFile = () => join(world.environment.XDG_CONFIG_HOME ?? "", "sluice", "sessions.json");
const readSession = async () => {
  const { sessions } = JSON.parse(await readFile(sessionsFile(), "utf8"));
  return sessions[world.url];
};
const changeSession = async (change: object) => {
  const file = JSON.parse(await readFile(sessionsFile(), "utf8"));
  file.sessions[world.url] = { ...file.sessions[world.url], ...change };
  await writeFile(sessionsFile(), JSON.stringify(file));
};
const signIn = async (words: readonly string[] = [], environment: Record<string, string> = {}) => {
  return await world.run(["login", "--login-id", ADMIN.loginId, ...words], {
    SLUICE_PASSWORD: ADMIN.password,
    ...environment,
  });
};
const LONG_AGO = "2020-01-01T00:00:00.000Z";

test("keeps the session in a file that only its owner can read, and never prints a token", async () => {
  const run = await signIn();
  expect(run.exitCode).toBe(0);
  expect((await stat(sessionsFile())).mode & 0o777).toBe(0o600);
  expect((await stat(join(sessionsFile(), ".."))).mode & 0o777).toBe(0o700);
  const { accessToken, refreshToken } = await readSession();
  for (const secret of [accessToken, refreshToken, ADMIN.password]) expect(run.data + run.talk).not.toContain(secret);
});

test("takes the password from a file, or asks a person for it", async () => {
  const file = join(world.folder, "password");
  await writeFile(file, `${ADMIN.password}\r\nanother line`);
  expect(await signIn(["--password-file", file], { SLUICE_PASSWORD: "" })).toMatchObject({ exitCode: 0 });
  const asked: string[] = [];
  const askSecret = async (question: string) => {
    asked.push(question);
    return ADMIN.password;
  };
  const words = ["login", "--login-id", ADMIN.loginId];
  expect(await world.run(words, {}, { askSecret })).toMatchObject({ exitCode: 0 });
  expect(asked).toEqual([`Password of ${ADMIN.loginId}`]);
  expect(await world.run(words)).toMatchObject({ exitCode: 2, talk: expect.stringContaining("--password-file") });
  expect(await world.run(["login"])).toMatchObject({ exitCode: 2, talk: expect.stringContaining("--login-id") });
  expect(await signIn(["--password-file", `${file}.absent`])).toMatchObject({ exitCode: 2 });
});

test("a wrong password is 3 and leaves the session as it was", async () => {
  const before = await readFile(sessionsFile(), "utf8");
  const run = await world.run(["login", "--login-id", "nobody"], { SLUICE_PASSWORD: "not the password at all" });
  expect(run).toMatchObject({ exitCode: 3, data: "", talk: expect.stringContaining("UNAUTHENTICATED") });
  expect(await readFile(sessionsFile(), "utf8")).toBe(before);
});

test("eight commands that find the access token run out trade the refresh token in once", async () => {
  await signIn();
  await changeSession({ accessTokenExpiresAt: LONG_AGO });
  const refreshes = async () => (await world.data(["audit-logs", "list", "--all"])).items.filter(isRefresh).length;
  const before = { ...(await readSession()) };
  const env = { ...world.environment, PATH: process.env.PATH ?? "" };
  const runs = Array.from({ length: 8 }, () =>
    promisify(execFile)(process.execPath, [BIN, "plans", "get", "BASIC"], { env }),
  );
  for (const { stdout } of await Promise.all(runs)) expect(JSON.parse(stdout)).toMatchObject({ name: "BASIC" });
  const after = await readSession();
  expect(after.refreshToken).not.toBe(before.refreshToken);
  expect(await refreshes()).toBe(1);
  expect((await stat(sessionsFile())).mode & 0o777).toBe(0o600);
});

test("a token that the service refuses is renewed, whatever the clock says of it", async () => {
  await signIn();
  const { accessToken } = await readSession();
  await changeSession({ accessToken: `${accessToken.slice(0, -4)}AAAA` });
  expect(await world.run(["plans", "get", "BASIC"])).toMatchObject({ exitCode: 0 });
  expect((await readSession()).accessToken).not.toBe(accessToken);
});

test("a session that was ended elsewhere is 3, says how to go on, and is forgotten", async () => {
  await signIn();
  const { accessToken } = await readSession();
  expect(await world.run(["logout"], { SLUICE_TOKEN: accessToken })).toMatchObject({ exitCode: 0 });
  const run = await world.run(["tenants", "list"]);
  expect(run).toMatchObject({ exitCode: 3, data: "", talk: expect.stringContaining("sluice login --url") });
  expect(await readSession()).toBeUndefined();
  await signIn();
});

test("signing out ends the session; without one it is no fault", async () => {
  await signIn();
  const { accessToken } = await readSession();
  expect(await world.run(["logout"])).toMatchObject({ exitCode: 0, data: "" });
  expect(await world.run(["tenants", "list"], { SLUICE_TOKEN: accessToken })).toMatchObject({ exitCode: 3 });
  expect(await world.run(["logout", "--all"])).toMatchObject({
    exitCode: 0,
    talk: expect.stringContaining("no session"),
  });
  await signIn();
});

test("a user's own password is changed by the old one: this session goes on, the others end", async () => {
  const [old, fresh] = ["walnut-ferry-cloud-82", "violin-basket-nine-grey"];
  expect(await world.run(["users", "create", "lee", "--role", "VIEWER"], { SLUICE_NEW_PASSWORD: old })).toMatchObject({
    exitCode: 0,
  });
  const homes = ["here", "there"].map((name) => ({ XDG_CONFIG_HOME: join(world.folder, name) }));
  const [here = {}, there = {}] = homes;
  const login = (home: Record<string, string>, password: string) =>
    world.run(["login", "--login-id", "lee"], { ...home, SLUICE_PASSWORD: password });
  for (const home of homes) expect(await login(home, old)).toMatchObject({ exitCode: 0 });

  const change = (environment: Record<string, string>) => world.run(["password"], { ...here, ...environment });
  expect(await change({ SLUICE_PASSWORD: old })).toMatchObject({
    exitCode: 2,
    talk: expect.stringContaining("--new-password-file or SLUICE_NEW_PASSWORD"),
  });
  const wrong = await change({ SLUICE_PASSWORD: "not the old one", SLUICE_NEW_PASSWORD: fresh });
  expect(wrong).toMatchObject({ exitCode: 3, talk: expect.stringContaining("WRONG_PASSWORD") });
  const done = await change({ SLUICE_PASSWORD: old, SLUICE_NEW_PASSWORD: fresh });
  expect(done).toMatchObject({ exitCode: 0, data: "", talk: expect.stringContaining("is changed") });

  expect(await world.run(["plans", "list"], here)).toMatchObject({ exitCode: 0 });
  expect(await world.run(["plans", "list"], there)).toMatchObject({ exitCode: 3 });
  expect([(await login(there, old)).exitCode, (await login(there, fresh)).exitCode]).toEqual([3, 0]);
});

test("a token is shown to no other service", async () => {
  let requests = 0;
  const other = createServer((_, response) => {
    requests++;
    response.end("{}");
  });
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  expect(await world.run(["tenants", "list", "--url", url])).toMatchObject({ exitCode: 3 });
  expect(requests).toBe(0);
  other.close();
});

test("a lock that a killed command left behind is taken over once it is old", async () => {
  const lock = `${sessionsFile()}.lock`;
  await writeFile(lock, "");
  await utimes(lock, new Date(LONG_AGO), new Date(LONG_AGO));
  expect(await signIn()).toMatchObject({ exitCode: 0 });
  await expect(stat(lock)).rejects.toThrow("ENOENT");
});

test("an address that is none is 2, and one without encryption is warned about", async () => {
  for (const url of ["nonsense", "ftp://host", "http://user:secret@host", "http://host/?a=1"]) {
    expect(await runForTest(["tenants", "list", "--url", url], { SLUICE_TOKEN: "t" })).toMatchObject({ exitCode: 2 });
  }
  const login = await runForTest(["login", "--login-id", "x", "--url", "http://sluice.invalid"], {
    SLUICE_PASSWORD: "x",
  });
  expect(login).toMatchObject({ exitCode: 69, talk: expect.stringContaining("not encrypted") });
});

function isRefresh({ action }: { action: string }): boolean {
  return action === "session.refresh";
}
