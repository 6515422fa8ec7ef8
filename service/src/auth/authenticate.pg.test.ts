import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { type AuthWorld, codeOf, HOUR_MS, NOON_MS, openAuthWorld, PASSWORD } from "./auth.world.ts";
import { authenticate } from "./authenticate.pg.ts";
import { logout, logoutAll } from "./sessions.pg.ts";
import { tokenKeySource } from "./token-keys.pg.ts";
import { newTokenKeyPem, readTokenKey } from "./token-keys.ts";
import { deleteUser, lockUser, setPassword, updateUser } from "./users.pg.ts";

describeWithPostgres("who is behind an access token", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  /** Two instances over one database, and an operator signed in at the first. */
  async function world() {
    const here = await openAuthWorld(await server.migratedDatabase());
    const there = await openAuthWorld(here.url);
    await here.newUser("root");
    const mina = await here.newUser("mina", { role: "OPERATOR", tenants: ["globex", "acme", "acme"] });
    const tokens = await here.login({});
    const ask = (instance: AuthWorld, token = tokens.accessToken, nowMs = NOON_MS) =>
      authenticate(instance.sql, instance.accessTokens, token, nowMs);
    const dispose = async () => {
      await there[Symbol.asyncDispose]();
      await here[Symbol.asyncDispose]();
    };
    return { here, there, mina, tokens, ask, [Symbol.asyncDispose]: dispose };
  }

  test("role and tenants are those of the table now, not those at the login", async () => {
    await using w = await world();
    expect(await w.ask(w.there)).toMatchObject({ loginId: "mina", role: "OPERATOR", tenants: ["acme", "globex"] });
    await w.here.change(async (t) =>
      updateUser(t, await lockUser(t, w.mina.id), { role: "VIEWER", tenants: ["acme"] }),
    );
    expect(await w.ask(w.there)).toMatchObject({ role: "VIEWER", tenants: ["acme"] });
  });

  test("a logout is in force on the other instance at once, for its session only", async () => {
    await using w = await world();
    const phone = await w.here.login({ address: "198.51.100.7" });
    const actor = await w.ask(w.here);
    const event = await w.here.change((t) => logout(t, actor, NOON_MS));
    expect(event).toMatchObject({ action: "session.logout", sessionId: actor.sessionId, user: { loginId: "mina" } });
    expect(await codeOf(w.ask(w.there))).toBe("UNAUTHENTICATED");
    expect(await codeOf(w.there.refreshed(w.tokens.refreshToken))).toBe("UNAUTHENTICATED");
    expect(await codeOf(w.ask(w.there, phone.accessToken))).toBe("done");
    expect(await w.here.change((t) => logout(t, actor, NOON_MS))).toBe(null);
  });

  type Change = (w: Awaited<ReturnType<typeof world>>) => Promise<unknown>;
  const changes: Readonly<Record<string, Change>> = {
    "signing out everywhere": async (w) => {
      const actor = await w.ask(w.here);
      return w.here.change((t) => logoutAll(t, actor));
    },
    "disabling the user": (w) =>
      w.here.change(async (t) => updateUser(t, await lockUser(t, w.mina.id), { disabled: true })),
    "another password": async (w) => {
      const hash = await w.here.hasher.hash("another fine password");
      return w.here.change(async (t) => setPassword(t, await lockUser(t, w.mina.id), hash));
    },
    "deleting the user": (w) => w.here.change(async (t) => deleteUser(t, await lockUser(t, w.mina.id))),
  };

  test.for(Object.entries(changes))("%s ends every session on every instance at once", async ([, change]) => {
    await using w = await world();
    const phone = await w.here.login({ address: "198.51.100.7" });
    await change(w);
    for (const { accessToken, refreshToken } of [w.tokens, phone]) {
      expect(await codeOf(w.ask(w.there, accessToken))).toBe("UNAUTHENTICATED");
      expect(await codeOf(w.there.refreshed(refreshToken))).toBe("UNAUTHENTICATED");
    }
  });

  test("a user who is enabled again must sign in again", async () => {
    await using w = await world();
    for (const disabled of [true, false]) {
      await w.here.change(async (t) => updateUser(t, await lockUser(t, w.mina.id), { disabled }));
      expect(await codeOf(w.ask(w.there))).toBe("UNAUTHENTICATED");
    }
    const { accessToken } = await w.there.login({ password: PASSWORD });
    expect(await codeOf(w.ask(w.here, accessToken))).toBe("done");
  });

  test("a token of a session that does not exist, is over or is another user's opens nothing", async () => {
    await using w = await world();
    const { userId, sessionId } = await w.ask(w.here);
    const issued = async (subject: { userId: string; sessionId: string }, nowMs = NOON_MS) =>
      codeOf(w.ask(w.there, (await w.here.accessTokens.issue(subject, nowMs)).accessToken, nowMs));
    expect(await issued({ userId, sessionId })).toBe("done");
    expect(await issued({ userId, sessionId: randomUUID() })).toBe("UNAUTHENTICATED");
    expect(await issued({ userId: randomUUID(), sessionId })).toBe("UNAUTHENTICATED");
    expect(await issued({ userId, sessionId }, NOON_MS + 7 * 24 * HOUR_MS)).toBe("UNAUTHENTICATED");
  });

  test("instances without configured keys share one; configured ones need no database", async () => {
    await using w = await openAuthWorld(await server.migratedDatabase(), 8);
    const sources = Array.from({ length: 8 }, () => tokenKeySource(w.sql, []));
    const kids = await Promise.all(sources.map(async (keys) => (await keys()).signing.kid));
    expect(new Set(kids).size).toBe(1);
    const pems = [newTokenKeyPem(), newTokenKeyPem()];
    const { signing, byId } = await tokenKeySource(w.sql, pems)();
    expect([signing.kid, ...byId.keys()]).toEqual([pems[0], ...pems].map((pem) => readTokenKey(pem ?? "").kid));
    expect((await run(w.url, "select kid from token_keys")).map(({ kid }) => kid)).toEqual([kids[0]]);
  });
});
