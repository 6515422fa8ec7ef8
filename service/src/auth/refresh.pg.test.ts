import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { codeOf, HOUR_MS, MINUTE_MS, NOON_MS, openAuthWorld, SECOND_MS } from "./auth.world.ts";
import { authenticate } from "./authenticate.pg.ts";

describeWithPostgres("refreshing a session", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  /** Signed in, with the first refresh token. */
  async function world() {
    const w = await openAuthWorld(await server.migratedDatabase(), 8);
    await w.newUser("mina");
    const { refreshToken, accessToken } = await w.login({});
    w.events.length = 0;
    const lives = async (token: string, nowMs = NOON_MS) =>
      (await codeOf(authenticate(w.sql, w.accessTokens, token, nowMs))) === "done";
    return { ...w, first: refreshToken, accessToken, lives };
  }

  test("each use gives the next pair of tokens of the same session", async () => {
    await using w = await world();
    let token: string = w.first;
    const seen = new Set<string>([token]);
    for (let use = 1; use <= 5; use++) {
      const atMs = NOON_MS + use * HOUR_MS;
      const next = await w.refreshed(token, atMs);
      expect(next.refreshTokenExpiresAtMs).toBe(atMs + 24 * HOUR_MS);
      expect(await w.lives(next.accessToken, atMs)).toBe(true);
      token = next.refreshToken;
      seen.add(token);
    }
    expect(seen.size).toBe(6);
    expect(w.events.map(({ action }) => action)).toEqual(Array(5).fill("session.refresh"));
    expect(new Set(w.events.map(({ sessionId }) => sessionId)).size).toBe(1);
  });

  test("an old token ends the whole session, the newest token and its access tokens too", async () => {
    await using w = await world();
    const second = await w.refreshed(w.first);
    const third = await w.refreshed(second.refreshToken);
    expect(await codeOf(w.refreshed(w.first))).toBe("UNAUTHENTICATED");
    expect(w.events.at(-1)).toMatchObject({ action: "session.reuse", outcome: "REFUSED", because: "TOKEN_REUSED" });
    expect(await codeOf(w.refreshed(third.refreshToken))).toBe("UNAUTHENTICATED");
    for (const token of [w.accessToken, third.accessToken]) expect(await w.lives(token)).toBe(false);
    expect(await run(w.url, "select revoked_because from sessions")).toEqual([{ revoked_because: "REUSE" }]);
  });

  test("twenty refreshes at once with one token are one rotation, and all get the same next token", async () => {
    await using w = await world();
    await using other = await openAuthWorld(w.url, 8);
    const all = await Promise.all(Array.from({ length: 20 }, (_, at) => (at % 2 ? w : other).refreshed(w.first)));
    expect(new Set(all.map(({ refreshToken }) => refreshToken)).size).toBe(1);
    expect(await run(w.url, "select used_at is null as open from refresh_tokens order by 1")).toEqual([
      { open: false },
      { open: true },
    ]);
    expect([...w.events, ...other.events].length).toBe(1);
    for (const { accessToken } of all) expect(await w.lives(accessToken)).toBe(true);
  });

  test("an answer that was lost can be had again for half a minute; later it is a reuse", async () => {
    await using w = await world();
    const lost = await w.refreshed(w.first);
    const again = await w.refreshed(w.first, NOON_MS + 30 * SECOND_MS);
    expect(again.refreshToken).toBe(lost.refreshToken);
    expect(again.refreshTokenExpiresAtMs).toBe(lost.refreshTokenExpiresAtMs);
    expect(w.events.length).toBe(1);
    expect(await codeOf(w.refreshed(w.first, NOON_MS + 30 * SECOND_MS + 1))).toBe("UNAUTHENTICATED");
    expect(await codeOf(w.refreshed(lost.refreshToken, NOON_MS + 31 * SECOND_MS))).toBe("UNAUTHENTICATED");
  });

  test("a thief who repeats a refresh in time is found out as soon as both go on", async () => {
    await using w = await world();
    const owner = await w.refreshed(w.first);
    const thief = await w.refreshed(w.first, NOON_MS + SECOND_MS);
    const stolen = await w.refreshed(thief.refreshToken, NOON_MS + 2 * SECOND_MS);
    expect(await codeOf(w.refreshed(owner.refreshToken, NOON_MS + 10 * MINUTE_MS))).toBe("UNAUTHENTICATED");
    expect(await w.lives(stolen.accessToken)).toBe(false);
  });

  test("a token lives a day, and a session a week however often it is refreshed", async () => {
    await using w = await world();
    expect(await codeOf(w.refreshed(w.first, NOON_MS + 24 * HOUR_MS))).toBe("UNAUTHENTICATED");
    let token: string = w.first;
    for (let hours = 23; hours < 7 * 24; hours += 23) {
      const next = await w.refreshed(token, NOON_MS + hours * HOUR_MS);
      expect(next.refreshTokenExpiresAtMs).toBe(NOON_MS + Math.min(hours + 24, 7 * 24) * HOUR_MS);
      token = next.refreshToken;
    }
    expect(await codeOf(w.refreshed(token, NOON_MS + 7 * 24 * HOUR_MS))).toBe("UNAUTHENTICATED");
  });

  test("what is no token of ours changes nothing", async () => {
    await using w = await world();
    for (const token of [
      "",
      "x",
      "A".repeat(43),
      `${w.first}=`,
      w.first.toLowerCase(),
      "' or true --",
      w.accessToken,
    ]) {
      expect(await codeOf(w.refreshed(token))).toBe("UNAUTHENTICATED");
    }
    expect(w.events).toEqual([]);
    expect(await codeOf(w.refreshed(w.first))).toBe("done");
  });

  test("two sessions of a user share neither tokens nor the key that derives them", async () => {
    await using w = await world();
    const twin = await w.login({});
    const [one, two] = await Promise.all([w.refreshed(w.first), w.refreshed(twin.refreshToken)]);
    expect(one.refreshToken).not.toBe(two.refreshToken);
    const keys = await run(w.url, "select rotation_key from sessions");
    expect(new Set(keys.map(({ rotation_key }) => (rotation_key as Buffer).toString("hex"))).size).toBe(2);
  });
});
