import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { auditEntry, openAuditTrail } from "../../test/audit.ts";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { startEmbeddedPostgres } from "../platform/embedded-postgres.ts";
import { grantServiceRights, migrate } from "../platform/migrate.ts";
import { appendAudit } from "./audit-append.pg.ts";
import { hashOf, type StoredAuditRecord } from "./audit-record.ts";
import { storedRecordOf } from "./audit-rows.ts";
import { canonicalJson } from "./canonical-json.ts";

const SEED = 20261122;

describeWithPostgres("appending to the audit trail", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  test("a row says who did what from where, and continues the one before", async () => {
    await using trail = await openAuditTrail({ url: await server.migratedDatabase() });
    const first = await trail.append();
    const second = await trail.append(auditEntry({ actor: { kind: "ANONYMOUS", login: "kim" }, outcome: "REFUSED" }));
    expect(first).toMatchObject({ seq: 1, actor: { login: "kim", role: "OPERATOR" }, address: "192.0.2.7" });
    expect(second).toMatchObject({ seq: 2, previousHash: first.hash, actor: { kind: "ANONYMOUS", id: null } });
    const rows = await trail.sql.selectFrom("audit_logs").selectAll().orderBy("seq").execute();
    expect(rows.map(storedRecordOf)).toEqual([first, second]);
  });

  test("fifty writers at once keep one chain without gaps", async () => {
    await using trail = await openAuditTrail({ url: await server.migratedDatabase() });
    const appended = await trail.appendAtOnce(Array.from({ length: 50 }, (_, n) => auditEntry({ after: { n } })));
    expect(appended.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
    expect(await trail.verify()).toMatchObject({ verdict: "INTACT", rows: 50, lastSeq: 50 });
  });

  test("a change that is rolled back leaves neither row nor gap", async () => {
    await using trail = await openAuditTrail({ url: await server.migratedDatabase() }, 1);
    const change = trail.sql.transaction().execute(async (transaction) => {
      await appendAudit(transaction, auditEntry());
      await appendAudit(transaction, auditEntry());
      throw new Error("given up");
    });
    await expect(change).rejects.toThrow("given up");
    expect((await trail.append()).seq).toBe(2);
    expect(await trail.verify()).toMatchObject({ verdict: "INTACT", rows: 2 });
  });

  test("whatever JSON and text come in, what PostgreSQL keeps of them has the same hash", async () => {
    await using trail = await openAuditTrail({ url: await server.migratedDatabase() });
    const text = fc.string({ unit: "binary", maxLength: 600 });
    const value = fc.oneof(fc.jsonValue({ stringUnit: "binary" }), fc.double(), text, fc.dictionary(text, fc.double()));
    const origin = fc.record({ address: text, userAgent: text, requestId: text });
    await fc.assert(
      fc.asyncProperty(value, value, text, origin, async (before, after, id, from) => {
        const resource = { kind: "tenant", id };
        const actor = { kind: "ANONYMOUS", login: id } as const;
        const { seq } = await trail.append(auditEntry({ before, after, resource, actor, origin: from }));
        const row = await trail.sql
          .selectFrom("audit_logs")
          .selectAll()
          .where("seq", "=", seq)
          .executeTakeFirstOrThrow();
        const { hash, ...record } = storedRecordOf(row);
        expect(hashOf(record)).toBe(hash);
        expect(canonicalJson(JSON.parse(canonicalJson(record)))).toBe(canonicalJson(record));
      }),
      { seed: SEED, numRuns: 300 },
    );
    expect(await trail.verify()).toMatchObject({ verdict: "INTACT" });
  });

  test("numbers at the ends of the doubles come back as they were", async () => {
    await using trail = await openAuditTrail({ url: await server.migratedDatabase() });
    const numbers = [Number.MIN_VALUE, Number.MAX_VALUE, -0, 2 ** 53 - 1, 0.1 + 0.2, 1e21, 1e-7, -1.5e300];
    const { seq } = await trail.append(auditEntry({ after: numbers }));
    expect(await trail.verify()).toMatchObject({ verdict: "INTACT", lastSeq: seq });
  });

  test("each month is a partition opened by its first row, and time never runs backwards along the chain", async () => {
    const url = await server.migratedDatabase();
    await using trail = await openAuditTrail({ url });
    await trail.tamper("update audit_head set at = '2001-01-31 23:59:59.999+00'");
    const now = monthOf(await trail.append());
    await trail.tamper("update audit_head set at = '2999-12-31 23:59:59.999+00'");
    expect((await trail.append()).at).toBe("2999-12-31T23:59:59.999Z");
    expect((await trail.append()).at).toBe("2999-12-31T23:59:59.999Z");
    const months = "select inhrelid::regclass::text as month from pg_inherits where inhparent = 'audit_logs'::regclass";
    const names = (await run(url, `${months} order by 1`)).map(({ month }) => month);
    expect(names).toEqual([now, "audit_logs_2999_12"]);
  });

  test("a row that does not continue the chain, or is of another time, is refused", async () => {
    await using trail = await openAuditTrail({ url: await server.migratedDatabase() }, 2);
    const last = await trail.append();
    const { hash, ...record } = last;
    const next = { ...record, seq: 4, previousHash: hash };
    const append = (given: object) =>
      trail.sql.transaction().execute(async (transaction) => {
        const canonical = canonicalJson({ ...next, ...given });
        await transaction.selectNoFrom((e) => e.fn("append_audit", [e.val(canonical)]).as("hash")).execute();
      });
    const wrong = [{ seq: 3 }, { seq: 5 }, { previousHash: record.previousHash }];
    for (const given of [...wrong, { at: "2999-01-01T00:00:00.000Z" }, { at: "1999-01-01T00:00:00.000Z" }]) {
      await expect(append(given)).rejects.toThrow("does not continue the chain at position 4");
    }
    await append({});
    expect(await trail.verify()).toMatchObject({ verdict: "INTACT", rows: 4 });
  });

  test("nobody with the triggers in force changes, removes or empties anything, month by month neither", async () => {
    const url = await server.migratedDatabase();
    await using trail = await openAuditTrail({ url }, 1);
    const month = monthOf(await trail.append());
    for (const table of ["audit_logs", month, "audit_checkpoints", "audit_head"]) {
      await expect(run(url, `delete from ${table}`)).rejects.toThrow("is refused");
      await expect(run(url, `truncate ${table}`)).rejects.toThrow("is refused");
    }
    for (const table of ["audit_logs", month]) {
      await expect(run(url, `update ${table} set tenant = 'x'`)).rejects.toThrow("is refused");
    }
    await expect(run(url, "update audit_head set seq = 0")).rejects.toThrow("is refused");
    expect(await trail.verify()).toMatchObject({ verdict: "INTACT", rows: 2 });
  });

  test("the service's role appends and reads, and is denied everything else", async () => {
    const { owner, service } = await twoRoles();
    await using trail = await openAuditTrail({ url: service }, 2);
    const month = monthOf(await trail.append());
    expect(await trail.verify()).toMatchObject({ verdict: "INTACT", rows: 3 });
    const attempts = [
      ...["audit_logs", month, "audit_head", "audit_checkpoints", "schema_migrations"].flatMap((table) => [
        `delete from ${table}`,
        `truncate ${table}`,
      ]),
      "update audit_logs set tenant = 'x'",
      `update ${month} set tenant = 'x'`,
      "insert into audit_logs select * from audit_logs",
      `insert into ${month} select * from audit_logs`,
      "update audit_head set seq = seq + 1",
      "update audit_checkpoints set checkpoint = '{}'",
      "select open_audit_month(now())",
    ];
    for (const attempt of attempts) await expect(run(service, attempt), attempt).rejects.toThrow("permission denied");
    for (const attempt of [
      "alter table audit_logs disable trigger all",
      `drop table ${month}`,
      `alter table audit_logs detach partition ${month}`,
      "select drop_month('audit_logs', 200001)",
      "create or replace function append_audit(canonical text) returns bytea language sql as 'select null::bytea'",
    ]) {
      await expect(run(service, attempt), attempt).rejects.toThrow(/must be owner|permission denied|may not delete/);
    }
    await expect(run(service, "set session_replication_role = replica")).rejects.toThrow("permission denied");
    // It may add checkpoints, and each thins the old ones, which it could not delete itself.
    const early = "insert into audit_checkpoints (checkpoint, written_at) values ('{}', '2020-01-01T00:00:00Z')";
    await run(service, `${early}; ${early.replace("00:00:00", "12:00:00")}`);
    expect(await run(service, "select from audit_checkpoints")).toHaveLength(1);
    await run(owner, "insert into plans (name) values ('FREE')");
    await run(service, "update plans set per_day = 1; delete from plans");
  });

  test("a table of the caller's own, by the same name, does not catch the rows", async () => {
    const { service } = await twoRoles();
    await using trail = await openAuditTrail({ url: service }, 1);
    await trail.sql.connection().execute(async (connection) => {
      await connection.executeQuery(
        connection.schema.createTable("audit_head").temporary().addColumn("seq", "bigint").compile(),
      );
      await connection.transaction().execute((transaction) => appendAudit(transaction, auditEntry()));
    });
    expect(await trail.verify()).toMatchObject({ verdict: "INTACT", rows: 2 });
  });

  test("rights are given again each time, and not to whom nothing can be withheld from", async () => {
    const { owner, service } = await twoRoles();
    await grantServiceRights({ url: owner }, "sluice_service");
    await run(owner, "grant update on audit_logs to sluice_service");
    await grantServiceRights({ url: owner }, "sluice_service");
    await expect(run(service, "update audit_logs set tenant = 'x'")).rejects.toThrow("permission denied");
    await expect(grantServiceRights({ url: owner }, "sluice_owner")).rejects.toThrow("nothing could be withheld");
    await expect(grantServiceRights({ url: owner }, "postgres")).rejects.toThrow("nothing could be withheld");
    await expect(grantServiceRights({ url: owner }, "nobody")).rejects.toThrow("There is no role nobody.");
  });

  /** A database that `sluice_owner` has migrated and in which `sluice_service` has the service's rights. */
  async function twoRoles(): Promise<{ owner: string; service: string }> {
    const url = await server.emptyDatabase();
    for (const role of ["sluice_owner", "sluice_service"]) {
      const exists = await run(url, "select from pg_roles where rolname = $1", [role]);
      if (exists.length === 0) await run(url, `create role ${role} login`);
    }
    await run(url, "grant create on schema public to sluice_owner");
    const as = (role: string) => url.replace("postgres@", `${role}@`);
    await migrate({ url: as("sluice_owner") });
    await grantServiceRights({ url: as("sluice_owner") }, "sluice_service");
    return { owner: as("sluice_owner"), service: as("sluice_service") };
  }
});

test("the embedded database keeps the same chain", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-audit-"));
  const embedded = await startEmbeddedPostgres({ folder });
  await migrate(embedded);
  {
    await using trail = await openAuditTrail({ url: embedded.url });
    await trail.appendAtOnce(Array.from({ length: 50 }, () => auditEntry()));
    expect(await trail.verify()).toMatchObject({ verdict: "INTACT", rows: 50 });
    await trail.tamper("update audit_logs set tenant = 'globex' where seq = 30");
    expect((await trail.verify()).faults).toMatchObject([{ kind: "CHANGED", fromSeq: 30 }]);
  }
  await embedded.close();
  await rm(folder, { recursive: true });
});

/** The partition that a row is in. */
function monthOf({ at }: StoredAuditRecord): string {
  return `audit_logs_${at.slice(0, "2026-11".length).replace("-", "_")}`;
}
