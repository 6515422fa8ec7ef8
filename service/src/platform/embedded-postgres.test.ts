import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { waitFor } from "../../test/wait.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded-postgres.ts";
import { lockFolder } from "./embedded-postgres-lock.ts";
import { migrate, pendingMigrations } from "./migrate.ts";
import { connectPostgres, openPostgres, type Postgres } from "./postgres.ts";

type Tables = { numbers: { connection: number; value: number } };

let parent: string;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "sluice-embedded-"));
});
afterAll(() => rm(parent, { recursive: true, force: true }));

describe("one embedded database", () => {
  let embedded: EmbeddedPostgres;
  let postgres: Postgres<Tables>;
  beforeAll(async () => {
    embedded = await startEmbeddedPostgres({ folder: join(parent, "shared") });
    postgres = openPostgres<Tables>({ url: embedded.url, poolSize: 8 });
    await postgres.pool.query("create table numbers (connection int not null, value int not null)");
  });
  afterAll(async () => {
    await postgres?.close();
    await embedded?.close();
  });

  test("migrates like a server, ten at once too", async () => {
    const all = await pendingMigrations(embedded);
    const applied = await Promise.all(Array.from({ length: 10 }, () => migrate(embedded)));
    expect(applied.flat().sort()).toEqual(all);
  });

  test("statements prepared at once on many connections answer their own client", async () => {
    const questions = Array.from({ length: 200 }, (_, value) => value);
    const answers = await Promise.all(
      questions.map(async (value) => {
        const { rows } = await postgres.pool.query(`select $1::int as "column${value}"`, [value]);
        return rows[0];
      }),
    );
    expect(answers).toEqual(questions.map((value) => ({ [`column${value}`]: value })));
  });

  test("transactions at once do not see each other's halves", async () => {
    const addTwo = (connection: number) =>
      postgres.sql.transaction().execute(async (transaction) => {
        await transaction.insertInto("numbers").values({ connection, value: 1 }).execute();
        await transaction.insertInto("numbers").values({ connection, value: 2 }).execute();
        if (connection % 2 === 1) throw new Error("given up");
      });
    const results = await Promise.allSettled(Array.from({ length: 20 }, (_, connection) => addTwo(connection)));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(10);
    const { rows } = await postgres.pool.query(
      "select count(*), count(*) filter (where connection % 2 = 1) as odd from numbers",
    );
    expect(rows).toEqual([{ count: 20, odd: 0 }]);
  });

  test("a notification reaches every listening connection", async () => {
    const listener = await connectPostgres(embedded);
    const heard: unknown[] = [];
    listener.on("notification", ({ channel, payload }) => heard.push([channel, payload]));
    await listener.query("listen news");
    await postgres.pool.query("select pg_notify('news', '7')");
    await waitFor("the notification", () => heard.length > 0);
    expect(heard).toEqual([["news", "7"]]);
    await listener.end();
  });

  test("a connection that breaks off in a transaction is rolled back and holds nobody up", async () => {
    const client = await connectPostgres(embedded);
    await client.query("begin");
    await client.query("insert into numbers values (99, 99)");
    const waiting = postgres.pool.query("select count(*) from numbers where value = 99");
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    expect((await waiting).rows).toEqual([{ count: 0 }]);
  });

  test("a faulty statement fails alone", async () => {
    await expect(postgres.pool.query("selec $1", [1])).rejects.toThrow("syntax error");
    await expect(postgres.pool.query("select 1 / $1::int", [0])).rejects.toThrow("division by zero");
    expect((await postgres.pool.query("select $1::int as one", [1])).rows).toEqual([{ one: 1 }]);
  });

  test("its folder and socket are for the owner only", async () => {
    const folder = join(parent, "shared");
    expect((await stat(folder)).mode & 0o077).toBe(0);
    expect((await stat(join(folder, "socket"))).mode & 0o077).toBe(0);
    expect((await stat(join(folder, "lock"))).mode & 0o077).toBe(0);
  });

  test("a second process on its folder is refused and told the first one's pid", async () => {
    const other = await startInProcess(join(parent, "shared"));
    expect(other.code).not.toBe(0);
    expect(other.stderr).toContain(`is in use by process ${process.pid}`);
  });
});

test("rows outlive a killed process, and its lock is taken over", async () => {
  const folder = join(parent, "killed");
  const child = spawn(process.execPath, ["--input-type=module", "-e", script(folder)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(JSON.parse(await readFile(join(folder, "lock"), "utf8"))).toMatchObject({ pid: child.pid });

  const embedded = await startEmbeddedPostgres({ folder });
  const client = await connectPostgres(embedded);
  expect((await client.query("select * from kept")).rows).toEqual([{ id: 1 }]);
  await client.end();
  await embedded.close();
  expect(await readdir(folder)).toEqual(["postgres"]);
});

test("a lock of a dead or reborn pid, or one cut short, is taken over", async () => {
  for (const [index, lock] of [
    `{"pid":${2 ** 22 + 1}}`,
    `{"pid":${process.pid},"startedAt":"an earlier life"}`,
    `{"pi`,
  ].entries()) {
    const folder = join(parent, `stale-${index}`);
    await mkdir(folder);
    await writeFile(join(folder, "lock"), lock);
    const held = await lockFolder(folder);
    await expect(lockFolder(folder)).rejects.toThrow(`is in use by process ${process.pid}`);
    await held.release();
    expect(await readdir(folder)).toEqual([]);
  }
});

/** Starts the database in a process of its own, which writes one row and says so. */
function script(folder: string): string {
  const from = (name: string) => JSON.stringify(join(import.meta.dirname, name));
  return `
    import { startEmbeddedPostgres } from ${from("embedded-postgres.ts")};
    import { connectPostgres } from ${from("postgres.ts")};
    const embedded = await startEmbeddedPostgres({ folder: ${JSON.stringify(folder)} });
    const client = await connectPostgres(embedded);
    await client.query("create table kept (id int); insert into kept values (1)");
    process.stdout.write("written");`;
}

async function startInProcess(folder: string): Promise<{ code: number; stderr: string }> {
  try {
    await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script(folder)]);
    return { code: 0, stderr: "" };
  } catch (fault) {
    return fault as { code: number; stderr: string };
  }
}
