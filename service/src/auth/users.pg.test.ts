import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { codeOf, openAuthWorld } from "./auth.world.ts";
import { ensureFirstAdmin, hasUsers } from "./first-admin.pg.ts";
import { parseLoginId } from "./login-id.ts";
import { deleteUser, getUser, listUsers, lockUser, setPassword, type UserChanges, updateUser } from "./users.pg.ts";

describeWithPostgres("the users who administrate", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function world(poolSize?: number) {
    const w = await openAuthWorld(await server.migratedDatabase(), poolSize);
    const update = (id: string, changes: UserChanges) =>
      w.change(async (t) => updateUser(t, await lockUser(t, id), changes));
    const remove = (id: string) => w.change(async (t) => deleteUser(t, await lockUser(t, id)));
    return { ...w, update, remove };
  }

  test("a user is what was made, and a login id is taken whatever its case", async () => {
    await using w = await world();
    const user = await w.newUser("mina.kim@acme.test", { role: "OPERATOR", tenants: ["globex", "acme", "globex"] });
    expect(user).toMatchObject({ role: "OPERATOR", tenants: ["acme", "globex"], disabled: false });
    expect(await getUser(w.sql, user.id)).toEqual(user);
    const again = parseLoginId("Mina.Kim@ACME.test");
    expect(again).toBe("mina.kim@acme.test");
    expect(await codeOf(w.newUser(String(again)))).toBe("TAKEN");
    expect(["", "a b", "한글", "x".repeat(101), "a\n"].map(parseLoginId)).toEqual(Array(5).fill(null));
  });

  test("a list goes on after a login id, in one order", async () => {
    await using w = await world();
    for (const name of ["b", "_a", "a.b", "9", "a", "c@d"]) await w.newUser(name);
    const names = async (after: string | null, limit: number) =>
      (await listUsers(w.sql, { after, limit })).map(({ loginId }) => loginId);
    const all = await names(null, 100);
    expect(all).toEqual(["9", "_a", "a", "a.b", "b", "c@d"]);
    expect(await names("_a", 2)).toEqual(["a", "a.b"]);
    expect(await names("c@d", 2)).toEqual([]);
  });

  test("every change gives another etag; what is not named stays", async () => {
    await using w = await world();
    await w.newUser("root");
    const made = await w.newUser("mina", { role: "OPERATOR", tenants: ["acme"] });
    const viewer = await w.update(made.id, { role: "VIEWER" });
    expect(viewer).toMatchObject({ role: "VIEWER", tenants: ["acme"], disabled: false });
    const hash = await w.hasher.hash("another fine password");
    const password = await w.change(async (t) => setPassword(t, await lockUser(t, made.id), hash));
    const free = await w.update(made.id, { tenants: null });
    expect(free).toMatchObject({ role: "VIEWER", tenants: null });
    expect(new Set([made, viewer, password, free].map(({ etag }) => etag)).size).toBe(4);
    expect(await getUser(w.sql, made.id)).toEqual(free);
  });

  test("a user who is not there is not found", async () => {
    await using w = await world();
    const nobody = "00000000-0000-4000-8000-000000000000";
    expect(await codeOf(getUser(w.sql, nobody))).toBe("NOT_FOUND");
    expect(await codeOf(w.update(nobody, { role: "VIEWER" }))).toBe("NOT_FOUND");
  });

  const ways: Readonly<Record<string, UserChanges | "delete">> = {
    deleted: "delete",
    disabled: { disabled: true },
    demoted: { role: "OPERATOR" },
    "bound to a tenant": { tenants: ["acme"] },
  };

  test.for(Object.entries(ways))("the last enabled ADMIN of every tenant is not %s", async ([, way]) => {
    await using w = await world();
    const root = await w.newUser("root");
    await w.newUser("bound", { tenants: ["acme"] });
    await w.newUser("operator", { role: "OPERATOR" });
    const asleep = await w.newUser("asleep");
    await w.update(asleep.id, { disabled: true });
    const take = () => (way === "delete" ? w.remove(root.id) : w.update(root.id, way));
    expect(await codeOf(take())).toBe("CONFLICT");
    expect(await getUser(w.sql, root.id)).toEqual(root);
    await w.update(asleep.id, { disabled: false });
    expect(await codeOf(take())).toBe("done");
  });

  test("of admins who take each other away at the same time, one stays", async () => {
    await using w = await world(8);
    for (let round = 0; round < 5; round++) {
      const admins = await Promise.all([1, 2, 3, 4].map((index) => w.newUser(`admin${round}${index}`)));
      const takes = admins.map(({ id }, at) => (at % 2 ? w.remove(id) : w.update(id, { role: "VIEWER" })));
      const codes = await Promise.all(takes.map(codeOf));
      const left = "select count(*)::int as left from users where role = 'ADMIN' and tenants is null and not disabled";
      expect(await run(w.url, left)).toEqual([{ left: 1 }]);
      expect(codes.filter((code) => code === "CONFLICT").length).toBe(round === 0 ? 1 : 0);
    }
  });

  test("eight instances that start at once make one first admin; later nothing is made any more", async () => {
    await using w = await world(8);
    expect(await hasUsers(w.sql)).toBe(false);
    const first = async (name: string) => {
      const loginId = parseLoginId(name);
      if (loginId === null) throw new Error(name);
      const passwordHash = await w.hasher.hash(`a password of ${name}`);
      return await w.change((t) => ensureFirstAdmin(t, { loginId, passwordHash }));
    };
    const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    const made = (await Promise.all(names.map(first))).filter((user) => user !== null);
    expect(made).toMatchObject([{ role: "ADMIN", tenants: null, disabled: false }]);
    expect(await listUsers(w.sql, { after: null, limit: 10 })).toEqual(made);
    expect(await first("i")).toBe(null);
    expect(await hasUsers(w.sql)).toBe(true);
  });
});
