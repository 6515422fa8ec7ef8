import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { codeOf, HOUR_MS, MINUTE_MS, NOON_MS, openAuthWorld, PASSWORD, SECOND_MS } from "./auth.world.ts";
import { forgetEnded } from "./auth-retention.pg.ts";
import { authenticate } from "./authenticate.pg.ts";
import { completeLogin } from "./login.pg.ts";
import { formatHash, isOutdated, type PasswordHash, parseHash } from "./password-hash.ts";
import { getUser, lockUser, setPassword, updateUser } from "./users.pg.ts";

describeWithPostgres("signing in", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function world() {
    const w = await openAuthWorld(await server.migratedDatabase());
    const mina = await w.newUser("mina");
    w.work.hashes = 0;
    const wrong = (more: Parameters<typeof w.login>[0] = {}, nowMs = NOON_MS) =>
      codeOf(w.login({ password: "a wrong password", ...more }, nowMs));
    return { ...w, mina, wrong };
  }

  test("the right password opens a session, in whatever case the login id is typed", async () => {
    await using w = await world();
    const tokens = await w.login({ loginId: "MINA" });
    expect(tokens).toMatchObject({
      accessTokenExpiresAtMs: NOON_MS + 15 * MINUTE_MS,
      refreshTokenExpiresAtMs: NOON_MS + 24 * HOUR_MS,
    });
    const actor = await authenticate(w.sql, w.accessTokens, tokens.accessToken, NOON_MS);
    expect(actor).toMatchObject({ userId: w.mina.id, loginId: "mina", role: "ADMIN", tenants: null });
    expect(w.events).toEqual([
      {
        ...{ action: "session.login", outcome: "DONE", because: null, sessionId: actor.sessionId },
        user: { id: w.mina.id, loginId: "mina", role: "ADMIN" },
      },
    ]);
  });

  test("nothing that opens a session is stored as it is", async () => {
    await using w = await world();
    const { refreshToken, accessToken } = await w.login({});
    await w.refreshed(refreshToken);
    const tables = ["users", "sessions", "refresh_tokens", "login_attempts"];
    const rows = await Promise.all(tables.map((table) => run(w.url, `select t::text as row from ${table} as t`)));
    const stored = JSON.stringify(rows);
    const hex = Buffer.from(refreshToken, "base64url").toString("hex");
    for (const secret of [PASSWORD, refreshToken, accessToken, hex]) expect(stored).not.toContain(secret);
  });

  test("an unknown login, one that cannot be, a wrong password and a disabled user: one answer, one hash each", async () => {
    await using w = await world();
    const { id } = await w.newUser("disabled");
    await w.change(async (t) => updateUser(t, await lockUser(t, id), { disabled: true }));
    const answers = [];
    for (const attempt of [
      { loginId: "nobody", password: PASSWORD },
      { loginId: "no such login\u0000", password: PASSWORD },
      { loginId: "mina", password: "a wrong password" },
      { loginId: "disabled", password: PASSWORD },
    ]) {
      w.work.hashes = 0;
      const fault = await w.login(attempt).catch((refusal: unknown) => refusal);
      answers.push({ code: (fault as { code: string }).code, told: String(fault), hashes: w.work.hashes });
    }
    const same = { code: "UNAUTHENTICATED", told: "Refusal: The login id or the password is wrong.", hashes: 1 };
    expect(answers).toEqual([same, same, same, same]);
  });

  test("each failure leaves an event with its cause, and without the name of one who does not exist", async () => {
    await using w = await world();
    await w.wrong();
    await w.wrong({ loginId: "my.password.by.mistake" });
    expect(w.events).toMatchObject([
      { action: "session.login", outcome: "REFUSED", because: "WRONG_PASSWORD", user: { loginId: "mina" } },
      { action: "session.login", outcome: "REFUSED", because: "UNKNOWN_LOGIN", user: null },
    ]);
    expect(JSON.stringify(w.events)).not.toContain("mistake");
    expect(JSON.stringify(await run(w.url, "select * from login_attempts"))).not.toContain("mistake");
  });

  test.for(["mina", "nobody"])(
    "after ten wrong passwords %s waits, longer each time, and never for good",
    async (loginId) => {
      await using w = await world();
      for (let failure = 0; failure < 10; failure++) expect(await w.wrong({ loginId })).toBe("UNAUTHENTICATED");
      const waits: number[] = [];
      let nowMs = NOON_MS;
      for (let round = 0; round < 13; round++) {
        w.work.hashes = 0;
        const fault = await w
          .login({ loginId, password: "a wrong password" }, nowMs)
          .catch((refusal: unknown) => refusal);
        expect(fault).toMatchObject({ code: "TOO_MANY_ATTEMPTS" });
        expect(w.work.hashes).toBe(0);
        const { retryAfterMs } = fault as { retryAfterMs: number };
        waits.push(retryAfterMs / SECOND_MS);
        // One moment earlier is too early; refused tries do not prolong it.
        expect(await w.wrong({ loginId }, nowMs + retryAfterMs - 1)).toBe("TOO_MANY_ATTEMPTS");
        nowMs += retryAfterMs;
        expect(await w.wrong({ loginId }, nowMs)).toBe("UNAUTHENTICATED");
      }
      expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
    },
  );

  test("the owner of a locked account gets in as soon as the delay is over, and starts anew", async () => {
    await using w = await world();
    for (let failure = 0; failure < 10; failure++) await w.wrong({ address: `198.51.100.${failure}` });
    expect(await codeOf(w.login({}))).toBe("TOO_MANY_ATTEMPTS");
    expect(await codeOf(w.login({}, NOON_MS + SECOND_MS))).toBe("done");
    expect(await w.wrong({ address: "198.51.100.77" }, NOON_MS + SECOND_MS)).toBe("UNAUTHENTICATED");
  });

  test("counts are in the database: another instance knows them, and a restart forgets none", async () => {
    await using w = await world();
    for (let failure = 0; failure < 10; failure++) await w.wrong();
    await using other = await openAuthWorld(w.url);
    expect(await codeOf(other.login({}))).toBe("TOO_MANY_ATTEMPTS");
  });

  test("who guesses an account from elsewhere does not keep its owner out of a familiar network", async () => {
    await using w = await world();
    await w.login({ address: "2001:db8:0:1::1" });
    for (let failure = 0; failure < 10; failure++) await w.wrong();
    expect(await codeOf(w.login({}))).toBe("TOO_MANY_ATTEMPTS");
    expect(await codeOf(w.login({ address: "2001:db8:0:1::2" }))).toBe("done");
    // A familiar network may guess no more often than a strange one.
    const familiar = { address: "2001:db8:0:1::3" };
    for (let failure = 0; failure < 10; failure++) expect(await w.wrong(familiar)).toBe("UNAUTHENTICATED");
    expect(await w.wrong(familiar)).toBe("TOO_MANY_ATTEMPTS");
    const monthLaterMs = NOON_MS + 31 * 24 * HOUR_MS;
    for (let failure = 0; failure < 10; failure++) await w.wrong({}, monthLaterMs);
    expect(await codeOf(w.login({ address: "2001:db8:0:1::4" }, monthLaterMs))).toBe("TOO_MANY_ATTEMPTS");
  });

  test("one network that tries many accounts has to wait, and so has a guess spread over many networks", async () => {
    await using w = await world();
    const guess = (count: number, attempt: (index: number) => Parameters<typeof w.login>[0]) =>
      Promise.all(Array.from({ length: count }, (_, index) => w.wrong(attempt(index))));
    const oneNetwork = await guess(60, (index) => ({ loginId: `a${index}`, address: `2001:db8:0:2::${index}` }));
    expect(new Set(oneNetwork)).toEqual(new Set(["UNAUTHENTICATED"]));
    expect(await w.wrong({ loginId: "b", address: "2001:db8:0:2:ffff::" })).toBe("TOO_MANY_ATTEMPTS");
    expect(await w.wrong({ loginId: "b", address: "2001:db8:0:3::" })).toBe("UNAUTHENTICATED");
    for (let hundred = 0; hundred < 2; hundred++) {
      const spread = await guess(100, (index) => ({
        loginId: `c${index}`,
        address: `2001:db8:${hundred}:${index + 9}::`,
      }));
      expect(new Set(spread)).toEqual(new Set(["UNAUTHENTICATED"]));
    }
    await guess(39, (index) => ({ loginId: `e${index}`, address: `2001:db8:3:${index}::` }));
    expect(await w.wrong({ loginId: "d", address: "2001:db8:2::" })).toBe("TOO_MANY_ATTEMPTS");
    expect(await w.wrong({ loginId: "d", address: "2001:db8:2::" }, NOON_MS + MINUTE_MS)).toBe("UNAUTHENTICATED");
  });

  test("of forty wrong passwords at once over two instances, ten are looked at", async () => {
    await using w = await world();
    await using other = await openAuthWorld(w.url);
    const tries = Array.from({ length: 40 }, (_, index) => {
      return codeOf((index % 2 === 0 ? w : other).login({ password: "a wrong password" }));
    });
    const codes = await Promise.all(tries);
    expect(codes.filter((code) => code === "UNAUTHENTICATED").length).toBe(10);
    expect(codes.filter((code) => code === "TOO_MANY_ATTEMPTS").length).toBe(30);
    expect(w.work.hashes + other.work.hashes).toBe(10);
  });

  test("fifty users who sign in at once from one office all get in", async () => {
    await using w = await world();
    const names = Array.from({ length: 50 }, (_, index) => `user${index}`);
    for (const name of names) await w.newUser(name, { role: "VIEWER" });
    expect(await Promise.all(names.map((loginId) => codeOf(w.login({ loginId }))))).toEqual(Array(50).fill("done"));
  });

  test("a hash of older parameters is made anew at login, and the user's etag stays", async () => {
    await using w = await world();
    const hashOf = async () => (await run(w.url, "select password_hash from users"))[0]?.password_hash as PasswordHash;
    const outdated = formatHash({ ...parseHash(await hashOf()), cost: { memoryKib: 64, passes: 1, lanes: 1 } });
    await run(w.url, "update users set password_hash = $1", [outdated]);
    await w.login({});
    expect(isOutdated(await hashOf())).toBe(false);
    expect((await getUser(w.sql, w.mina.id)).etag).toBe(w.mina.etag);
    expect(await codeOf(w.login({}))).toBe("done");
  });

  test("a password changed, or a user disabled, between the proof and its session opens none", async () => {
    await using w = await world();
    await w.newUser("another");
    const attempt = { loginId: "mina", password: PASSWORD, address: "203.0.113.9" };
    const prove = () => w.prove(attempt, NOON_MS);
    const complete = (proof: Awaited<ReturnType<typeof prove>>) =>
      w.change((t) => completeLogin(t, w.accessTokens, proof, NOON_MS));
    const beforePassword = await prove();
    const passwordHash = await w.hasher.hash(PASSWORD);
    await w.change(async (t) => setPassword(t, await lockUser(t, w.mina.id), passwordHash));
    expect(await complete(beforePassword)).toMatchObject({ kind: "refused", event: { because: "USER_CHANGED" } });
    const beforeDisabling = await prove();
    await w.change(async (t) => updateUser(t, await lockUser(t, w.mina.id), { disabled: true }));
    expect(await complete(beforeDisabling)).toMatchObject({ kind: "refused", event: { because: "USER_CHANGED" } });
    expect(await run(w.url, "select * from sessions")).toEqual([]);
  });

  test("what is over is forgotten, and what still counts is kept", async () => {
    await using w = await world();
    await w.login({});
    await w.wrong();
    const count = async () =>
      (
        await run(
          w.url,
          "select (select count(*) from sessions) as s, (select count(*) from refresh_tokens) as r, " +
            "(select count(*) from login_attempts) as a",
        )
      )[0];
    expect(await forgetEnded(w.sql, NOON_MS + HOUR_MS)).toEqual({ attempts: 0, refreshTokens: 0, sessions: 0 });
    expect(await forgetEnded(w.sql, NOON_MS + 8 * 24 * HOUR_MS)).toMatchObject({ refreshTokens: 1, sessions: 0 });
    expect(await forgetEnded(w.sql, NOON_MS + 32 * 24 * HOUR_MS)).toMatchObject({ sessions: 1 });
    expect(await count()).toEqual({ s: "0", r: "0", a: "0" });
  });

  test("without PostgreSQL nobody signs in, and no password is looked at", async () => {
    const own = await startPostgres();
    try {
      await using w = await openAuthWorld(await own.migratedDatabase());
      await w.newUser("mina");
      const { accessToken, refreshToken } = await w.login({});
      w.work.hashes = 0;
      await own.kill();
      const codes = [w.login({}), w.refreshed(refreshToken), authenticate(w.sql, w.accessTokens, accessToken, NOON_MS)];
      for (const code of await Promise.all(codes.map(codeOf))) expect(code).toMatch(/ECONN|57P|terminated/);
      expect(w.work.hashes).toBe(0);
    } finally {
      await own.stop();
    }
  });
});
