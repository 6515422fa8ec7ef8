// The commands of the Admin API against one real service with the embedded stores: what they print, where, and how they end.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { waitFor } from "../../service/test/wait.ts";
import { ADMIN, type AdminService, startAdminService } from "../test/admin-service.ts";
import { runForTest } from "../test/run.ts";

let world: AdminService;
beforeAll(async () => {
  world = await startAdminService();
  await world.data(["plans", "create", "BASIC", "--per-minute", "60"]);
  await world.data(["tenants", "create", "acme", "--plan", "BASIC", "--name", "에이크미"]);
});
afterAll(() => world?.close());

describe("resources", () => {
  test("a plan lives from its creation to its end", async () => {
    const made = await world.run([
      "plans",
      "create",
      "GOLD",
      "--per-second",
      "5",
      "--quota-per-day",
      "9",
      "--quota-per-month",
      "2",
    ]);
    expect(made).toMatchObject({ exitCode: 0, talk: expect.stringContaining("Warning UNREACHABLE_LIMIT at /limits") });
    const changed = await world.data(["plan", "update", "GOLD", "--per-second", "none", "--per-day", "-1"]);
    expect(changed.limits).toEqual({ perDay: -1, quotaPerDay: 9, quotaPerMonth: 2 });
    expect(await world.run(["plans", "create", "GOLD"])).toMatchObject({ exitCode: 5 });
    const gone = await world.run(["plans", "delete", "GOLD"]);
    expect(gone).toMatchObject({ exitCode: 0, data: "", talk: "plan GOLD: deleted" });
    expect(await world.run(["plans", "get", "GOLD"])).toMatchObject({ exitCode: 4, data: "" });
  });

  test("a row that someone else changed meanwhile is 5, and nothing is lost", async () => {
    const { etag } = await world.data(["tenants", "get", "acme"]);
    await world.data(["tenants", "update", "acme", "--name", "First"]);
    const late = await world.run(["tenants", "update", "acme", "--name", "Second", "--etag", etag]);
    expect(late).toMatchObject({ exitCode: 5, talk: expect.stringContaining("STALE") });
    expect(await world.data(["tenants", "get", "acme"])).toMatchObject({ name: "First" });
  });

  test("a plan change is for now or for later", async () => {
    await world.data(["plans", "create", "SILVER", "--per-minute", "600"]);
    await world.data(["tenants", "create", "movers", "--plan", "BASIC"]);
    const at = "2100-01-01T00:00:00.000Z";
    expect(await world.data(["tenants", "plan", "movers", "SILVER", "--at", at])).toMatchObject({
      plan: "BASIC",
      nextPlan: { plan: "SILVER", at },
    });
    expect(await world.data(["tenants", "plan", "movers", "SILVER"])).toMatchObject({ plan: "SILVER", nextPlan: null });
    expect(await world.run(["tenants", "plan", "movers", "NOPE"])).toMatchObject({ exitCode: 2 });
  });

  test("a policy is known by its name, and an update changes only what it names", async () => {
    const words = [
      "--target",
      "tenant:acme",
      "--http-method",
      "get",
      "--api-pattern",
      "/v1/**",
      "--scope",
      "TENANT_API",
    ];
    const made = await world.data(["policies", "create", "reads", ...words, "--per-minute", "5", "--per-day", "9"]);
    const changed = await world.data(["policies", "update", "reads", "--per-day", "none", "--fallback", "BLOCK_ALL"]);
    expect(changed).toMatchObject({
      id: made.id,
      apiPattern: "/v1/**",
      limits: { perMinute: 5 },
      fallback: "BLOCK_ALL",
    });
    expect(changed.limits).not.toHaveProperty("perDay");
    expect(await world.data(["policies", "update", made.id, "--fallback", "none"])).toMatchObject({ fallback: null });
    const found = await world.data(["policies", "list", "--tenant", "acme", "--path", "/v1/x"]);
    expect(found.items.map(({ name }: { name: string }) => name)).toEqual(["reads"]);
    expect(await world.run(["policies", "get", "writes"])).toMatchObject({ exitCode: 4 });
    expect(await world.run(["policies", "delete", "reads"])).toMatchObject({ exitCode: 0 });
  });

  test("an override ends, and says why it is", async () => {
    const words = ["--target", "everyone", "--http-method", "ANY", "--api-pattern", "/**", "--scope", "TENANT"];
    const bare = await world.run(["overrides", "create", "sale", ...words, "--per-minute", "100"]);
    expect(bare).toMatchObject({ exitCode: 2, talk: expect.stringContaining("--valid-until and --reason") });
    const validity = ["--valid-until", "2100-01-01T00:00:00Z", "--reason", "the big sale"];
    const made = await world.data(["overrides", "create", "sale", ...words, "--per-minute", "100", ...validity]);
    expect(made).toMatchObject({ reason: "the big sale", target: "everyone" });
    expect(await world.data(["override", "update", "sale", "--per-minute", "200"])).toMatchObject({
      limits: { perMinute: 200 },
      validUntil: made.validUntil,
    });
    expect(await world.run(["overrides", "delete", "sale"])).toMatchObject({ exitCode: 0 });
  });

  test("a user is made with a password that nobody sees, and is bound to tenants", async () => {
    const secret = { SLUICE_NEW_PASSWORD: "walnut-ferry-cloud-82" };
    const words = ["users", "create", "lee", "--role", "VIEWER", "--tenants", "acme"];
    expect(await world.run(words)).toMatchObject({ exitCode: 2 });
    const weak = await world.run(words, { SLUICE_NEW_PASSWORD: "password" });
    expect(weak).toMatchObject({ exitCode: 2, talk: expect.stringContaining("/password: is shorter than") });
    const made = await world.run(words, secret);
    expect(JSON.parse(made.data)).toMatchObject({ loginId: "lee", tenants: ["acme"] });
    const home = { XDG_CONFIG_HOME: join(world.folder, "of-lee") };
    const login = await world.run(["login", "--login-id", "lee"], {
      ...home,
      SLUICE_PASSWORD: secret.SLUICE_NEW_PASSWORD,
    });
    expect(login.exitCode).toBe(0);
    expect(await world.run(["plans", "create", "MINE"], home)).toMatchObject({
      exitCode: 3,
      talk: expect.stringContaining("FORBIDDEN"),
    });
    expect(await world.data(["users", "update", "lee", "--tenants", "all"])).toMatchObject({ tenants: null });
    expect(await world.data(["users", "update", "lee", "--disabled", "true"])).toMatchObject({ disabled: true });
    expect(await world.run(["tenants", "list"], home)).toMatchObject({ exitCode: 3 });
    expect(await world.run(["users", "delete", "lee"])).toMatchObject({ exitCode: 0 });
  });

  test("two passwords that differ change nothing", async () => {
    const answers = ["walnut-ferry-cloud-82", "walnut-ferry-cloud-83"];
    const person = { askSecret: async () => answers.shift() ?? "" };
    const run = await world.run(["users", "create", "kim", "--role", "VIEWER"], {}, person);
    expect(run).toMatchObject({ exitCode: 2, talk: expect.stringContaining("differ") });
  });

  test("a credential shows its secret when it is made and when it is rotated, and never again", async () => {
    const made = await world.run(["credentials", "create", "gateway", "--tenants", "acme"]);
    const { secret } = JSON.parse(made.data);
    expect(made).toMatchObject({ exitCode: 0, talk: expect.stringContaining("shown this once") });
    const rotated = await world.data(["credentials", "rotate", "gateway", "--overlap-ms", "1000"]);
    expect(rotated.secret).not.toBe(secret);
    expect(await world.data(["credentials", "get", "gateway"])).not.toHaveProperty("secret");
    const update = (...words: string[]) => world.data(["credentials", "update", "gateway", ...words]);
    expect(await update("--tenants", "all", "--expires-at", "2999-01-01T00:00:00Z")).toMatchObject({
      ...{ name: "gateway", tenants: null, expiresAt: "2999-01-01T00:00:00.000Z", lastUsedAt: null },
    });
    expect(await update("--expires-at", "none")).toMatchObject({ tenants: null, expiresAt: null });
    expect(await world.run(["credentials", "revoke", "gateway"])).toMatchObject({
      exitCode: 0,
      talk: "credential gateway: revoked",
    });
    expect((await world.data(["credentials", "list"])).items).toEqual([]);
    expect((await world.data(["credentials", "list", "--revoked", "true"])).items).toHaveLength(1);
  });

  test("a counter is reset and a quota granted, once for one key", async () => {
    const quota = ["--target", "tenant:acme", "--http-method", "ANY", "--api-pattern", "/**", "--scope", "TENANT"];
    await world.data(["policies", "create", "monthly", ...quota, "--quota-per-month", "100"]);
    const call = { tenantId: "acme", apiPath: "/x", httpMethod: "GET" };
    await waitFor("the quota is in force", async () => {
      return (await world.service.ask({ ...call, cost: 0 })).remaining.quotaMonthly === 100;
    });
    await world.service.ask({ ...call, cost: 9 });
    const grant = [
      "tenants",
      "grant",
      "acme",
      "--scope",
      "TENANT",
      "--window",
      "month",
      "--amount",
      "4",
      "--reason",
      "x",
    ];
    const once = await world.data([...grant, "--idempotency-key", "grant-1"]);
    const again = await world.data([...grant, "--idempotency-key", "grant-1"]);
    expect(once.windows).toMatchObject([{ window: "month", before: 9, after: 5 }]);
    expect(again).toEqual(once);
    const reset = ["tenants", "reset-counter", "acme", "--scope", "TENANT", "--windows", "month", "--reason", "x"];
    expect(await world.data(reset)).toMatchObject({ windows: [{ window: "month", before: 5, after: 0 }] });
    expect(await world.run(["policies", "delete", "monthly"])).toMatchObject({ exitCode: 0 });
  });

  test("a person is erased", async () => {
    expect(await world.data(["tenants", "erase-user", "acme", "kim/../x"])).toMatchObject({ usageRows: 0 });
  });

  test("a list is a page that says how to go on, or everything, with its progress for whoever watches", async () => {
    const page = await world.run(["plans", "list", "--limit", "1"]);
    const { items, nextCursor } = JSON.parse(page.data);
    expect(items).toHaveLength(1);
    expect(page.talk).toContain(`--cursor ${nextCursor}`);
    const next = await world.data(["plans", "list", "--cursor", nextCursor]);
    expect(next.items[0].name > items[0].name).toBe(true);
    const all = await world.run(["plans", "list", "--all"], {}, { watches: true });
    expect(JSON.parse(all.data)).toEqual({ items: [...items, ...next.items], nextCursor: null });
    expect(all.progress).toEqual([`${1 + next.items.length} read`, ""]);
    expect(await world.run(["plans", "list", "--limit", "201"])).toMatchObject({ exitCode: 2 });
  });

  test("people get tables, in columns also where letters are wide", async () => {
    await world.data(["tenants", "create", "wide", "--plan", "BASIC", "--name", "넓은 이름"]);
    const { data } = await world.run(["tenants", "list"], {}, { wantsTables: true });
    const [head = "", ...rows] = data.split("\n");
    const wide = rows.find((row) => row.startsWith("wide")) ?? "";
    // Four of the letters take two columns each.
    expect(wide.indexOf("BASIC")).toBe(head.indexOf("PLAN") - 4);
    expect((await world.run(["tenants", "list", "--json"], {}, { wantsTables: true })).data).toMatch(/^\{/);
    const one = await world.run(["plans", "get", "BASIC"], {}, { wantsTables: true });
    expect(one.data).toContain("limits     perMinute=60");
  });

  test("an update that changes nothing, and an option that is none, are 2", async () => {
    expect(await world.run(["tenants", "update", "acme"])).toMatchObject({ exitCode: 2 });
    expect(await world.run(["tenants", "update", "acme", "--status", "GONE"])).toMatchObject({ exitCode: 2 });
    expect(await world.run(["plans", "update", "BASIC", "--per-day", "many"])).toMatchObject({ exitCode: 2 });
    expect(await world.run(["policies", "update", "x", "--target", "someone"])).toMatchObject({ exitCode: 2 });
  });

  test("problems are told in the language that is wanted, with their code and every fault", async () => {
    const words = ["plans", "create", "TALL", "--per-second", "99999999999"];
    const english = await world.run(words);
    expect(english).toMatchObject({ exitCode: 2, data: "", talk: expect.stringContaining("/limits/perSecond: ") });
    expect(english.talk).toContain("400 INVALID_REQUEST (The request does not follow the contract)");
    expect((await world.run([...words, "--lang", "ko"])).talk).toContain("400 INVALID_REQUEST (요청이");
    expect((await world.run(words, { LANG: "ko_KR.UTF-8" })).talk).toContain("400 INVALID_REQUEST (요청이");
  });
});

describe("policy as code", () => {
  const file = () => join(world.folder, "policies.yaml");

  test("what is exported and applied again changes nothing", async () => {
    expect(await world.run(["export", "--out", file()])).toMatchObject({ exitCode: 0, data: "" });
    const written = await readFile(file(), "utf8");
    expect((await world.run(["export"])).data).toBe(written.trimEnd());
    for (const words of [[], ["--prune"], ["--dry-run"]]) {
      const run = await world.run(["apply", file(), ...words]);
      expect(run).toMatchObject({ exitCode: 0, talk: expect.stringContaining("Nothing to change") });
      expect(JSON.parse(run.data).changes).toEqual([]);
    }
    const asJson = await world.data(["export", "--json"]);
    await writeFile(file(), JSON.stringify(asJson));
    expect((await world.data(["apply", file()])).changes).toEqual([]);
  });

  test("a dry run tells what the real one then does, and pruning deletes what the file does not hold", async () => {
    const before = await world.data(["export", "--json"]);
    const plans = [...before.plans, { name: "FILED", limits: { perSecond: 10, perMinute: 5 } }];
    await writeFile(file(), stringify({ ...before, plans }));
    const trial = await world.run(["apply", file(), "--dry-run"], {}, { wantsTables: true });
    expect(trial.data).toBe("ACT     KIND  KEY\ncreate  plan  FILED");
    expect(trial.talk).toContain("Nothing was changed.");
    expect(trial.talk).toContain("(FILED)");
    expect((await world.data(["export", "--json"])).plans).toEqual(before.plans);
    expect((await world.data(["apply", file()])).changes).toEqual([{ kind: "plan", key: "FILED", act: "create" }]);
    await writeFile(file(), stringify(before));
    expect((await world.data(["apply", file()])).changes).toEqual([]);
    expect((await world.data(["apply", file(), "--prune"])).changes).toMatchObject([{ key: "FILED", act: "delete" }]);
    expect(await world.data(["export", "--json"])).toEqual(before);
  });

  test("a faulty file is 2, and every fault has its line", async () => {
    await writeFile(file(), "plans:\n  - name: P\n    limits: { perSecond: -7 }\ntenants:\n  - id: a b\n    plan: P\n");
    const run = await world.run(["apply", file()]);
    expect(run).toMatchObject({ exitCode: 2, data: "" });
    expect(run.talk).toContain(`${file()}:3: plans/0/limits/perSecond`);
    expect(run.talk).toContain(`${file()}:5: tenants/0/id`);
    expect(await world.run(["apply", `${file()}.absent`])).toMatchObject({ exitCode: 2 });
  });

  test("what the service refuses is said as it says it", async () => {
    await writeFile(file(), "tenants:\n  - { id: stray, plan: NOWHERE }\n");
    expect(await world.run(["apply", file()])).toMatchObject({ exitCode: 2, talk: expect.stringContaining("NOWHERE") });
  });
});

describe("looking", () => {
  test("explain says which limits apply and why, and counts nothing", async () => {
    const words = ["explain", "--tenant", "acme", "--path", "/v1/report", "--user", "u-1"];
    const explained = await world.data(words);
    expect(explained).toMatchObject({ tenant: { id: "acme" }, decision: { allowed: true } });
    const table = await world.run(words, {}, { wantsTables: true });
    expect(table.data).toContain("The answer would be");
    expect(table.data).toMatch(/TENANT +minute +60 +BASIC/);
    expect(await world.run(["explain", "--tenant", "acme", "--path", "no-slash"])).toMatchObject({ exitCode: 2 });
  });

  test("usage comes as rows and as CSV", async () => {
    const rows = await world.data(["usage", "daily", "--tenant", "acme", "--limit", "5"]);
    expect(rows.items).toHaveLength(5);
    expect(Object.keys(rows.items[0])).toEqual(["tenantId", "userId", "api", "period", "total", "denied"]);
    const csv = await world.run(["usage", "monthly", "--tenant", "acme", "--csv"], {}, { watches: true });
    expect(csv.data).toMatch(/^\ufefftenantId,userId,api,period,total,denied\r?\n/);
    expect(csv.data.trimEnd().split("\n")).toHaveLength(13);
    expect(csv.progress.at(-1)).toBe("");
    expect(await world.run(["usage", "daily", "--from", "yesterday", "--csv"])).toMatchObject({
      exitCode: 2,
      data: "",
    });
  });

  test("refusals and the audit trail can be listed", async () => {
    expect(await world.data(["limit-hits", "list", "--tenant", "acme"])).toEqual({ items: [], nextCursor: null });
    const trail = await world.data(["audit-logs", "list", "--action", "tenant.create", "--resource-id", "acme"]);
    expect(trail.items).toMatchObject([
      { actor: { login: ADMIN.loginId }, userAgent: expect.stringMatching(/^sluice-cli\//) },
    ]);
  });

  test("status says how the service is, who we are, and of which release it is", async () => {
    const run = await world.run(["status"]);
    expect(run.exitCode).toBe(0);
    const status = JSON.parse(run.data);
    expect(status).toMatchObject({
      ready: true,
      me: { loginId: ADMIN.loginId },
      parts: { counters: { healthy: true } },
    });
    expect(status.versions).toEqual({
      service: status.versions.commandLine,
      commandLine: expect.stringMatching(/^\d/),
    });
    const table = await world.run(["status"], {}, { wantsTables: true });
    expect(table.data).toMatch(/session +signed in +han\.seo, ADMIN of all tenants/);
  });

  test("status tells what it can: not signed in is 3, and nobody there 69", async () => {
    const stranger = await world.run(["status"], { XDG_CONFIG_HOME: join(world.folder, "nobody") });
    expect(stranger.exitCode).toBe(3);
    expect(JSON.parse(stranger.data)).toMatchObject({ ready: true, me: null });
    const away = await world.run(["status", "--ops-url", "http://127.0.0.1:1"]);
    expect(away.exitCode).toBe(69);
    expect(JSON.parse(away.data)).toMatchObject({ ready: null, me: { loginId: ADMIN.loginId } });
  });

  test("doctor sees that the ports are served", async () => {
    const { port, hostname } = new URL(world.environment.SLUICE_OPS_URL ?? "");
    const ports = { SLUICE_HOST: hostname, SLUICE_PORT: new URL(world.url).port, SLUICE_OPS_PORT: port };
    const run = await world.run(["doctor"], ports);
    const { findings } = JSON.parse(run.data);
    expect(findings.filter(({ part }: { part: string }) => part === "ports")).toMatchObject([
      { check: "SLUICE_PORT", state: "ok", detail: expect.stringContaining("is served") },
      { check: "SLUICE_OPS_PORT", state: "ok", detail: expect.stringContaining("is served") },
    ]);
    expect(run.exitCode).toBe(0);
  });

  test("the first admin is not made beside a service that has the database open", async () => {
    const settings = { SLUICE_DATA_DIR: join(world.folder, "data"), SLUICE_NEW_PASSWORD: ADMIN.password };
    const run = await world.run(["user", "create", "second", "--first-admin"], settings);
    expect(run).toMatchObject({ exitCode: 5, talk: expect.stringContaining("Stop the service first") });
  });

  test("check asks the same service", async () => {
    expect(await world.run(["check", "--tenant", "acme", "--path", "/v1/a"])).toMatchObject({ exitCode: 0 });
    expect(await world.run(["check", "--tenant", "acme", "--path", "/v1/a", "--cost", "61"])).toMatchObject({
      exitCode: 10,
    });
  });
});

test("a service that is not there is 69, whatever was asked", async () => {
  const nowhere = { SLUICE_URL: "http://127.0.0.1:1", SLUICE_TOKEN: "t" };
  const file = join(world.folder, "empty.yaml");
  await writeFile(file, "plans: []\n");
  const asked = [
    ["tenants", "list"],
    ["policies", "delete", "p"],
    ["apply", file],
    ["export"],
    ["usage", "daily", "--csv"],
    ["explain", "--tenant", "a", "--path", "/"],
    ["logout"],
  ];
  for (const words of asked) expect(await runForTest(words, nowhere)).toMatchObject({ exitCode: 69, data: "" });
  const created = await runForTest(["plans", "create", "P"], nowhere);
  expect(created).toMatchObject({ exitCode: 69, talk: expect.stringMatching(/--idempotency-key [0-9a-f-]{36}/) });
  const login = await runForTest(["login", "--login-id", "x"], { ...nowhere, SLUICE_PASSWORD: "x" });
  expect(login).toMatchObject({ exitCode: 69 });
});
