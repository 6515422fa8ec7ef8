import { afterAll, beforeAll, expect, test } from "vitest";
import { type AuditTrail, auditEntry, openAuditTrail } from "../../test/audit.ts";
import { startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { appendAudit } from "./audit-append.pg.ts";
import { type AuditFilter, exportAudit, listAudit } from "./audit-read.pg.ts";
import { hashOf } from "./audit-record.ts";

const EVERYTHING: AuditFilter = { tenants: null };

describeWithPostgres("reading the audit trail", () => {
  let server: TestPostgres;
  let trail: AuditTrail;
  beforeAll(async () => {
    server = await startPostgres();
    trail = await openAuditTrail({ url: await server.migratedDatabase() });
    await trail.append(auditEntry({ tenant: null, action: "auth.login", actor: { kind: "SYSTEM", id: "demo" } }));
    await trail.append(auditEntry());
    await trail.append(auditEntry({ tenant: "globex", resource: { kind: "tenant", id: "globex" } }));
    await trail.append(auditEntry({ action: "plan.update", resource: { kind: "plan", id: "FREE" }, tenant: null }));
    await trail.append(auditEntry({ action: "tenant.delete" }));
  });
  afterAll(async () => {
    await trail?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  test("pages are newest first and join without a gap", async () => {
    const first = await listAudit(trail.sql, EVERYTHING, { after: null, limit: 2 });
    const second = await listAudit(trail.sql, EVERYTHING, { after: first.at(-1)?.seq ?? null, limit: 10 });
    expect([...first, ...second].map(({ seq }) => seq)).toEqual([5, 4, 3, 2, 1]);
  });

  test.each<[string, AuditFilter, number[]]>([
    ["an action", { tenants: null, action: "tenant.update" }, [3, 2]],
    ["an actor", { tenants: null, actorId: "demo" }, [1]],
    ["a resource", { tenants: null, resourceKind: "plan", resourceId: "FREE" }, [4]],
    ["a tenant", { tenants: null, tenant: "globex" }, [3]],
    ["the reader's tenants", { tenants: ["acme", "globex"] }, [5, 3, 2]],
    ["both", { tenants: ["acme"], tenant: "globex" }, []],
    ["no tenant at all", { tenants: [] }, []],
    ["the past", { tenants: null, toMs: 0 }, []],
    ["since then", { tenants: null, fromMs: 0 }, [5, 4, 3, 2, 1]],
  ])("rows of %s are found, and no other", async (_, filter, expected) => {
    const rows = await listAudit(trail.sql, filter, { after: null, limit: 100 });
    expect(rows.map(({ seq }) => seq)).toEqual(expected);
    const lines = await Array.fromAsync(exportAudit(trail.sql, filter));
    expect(lines.map((line) => JSON.parse(line).seq)).toEqual(expected.toReversed());
  });

  test("instants bound a list from the first inclusive to the last exclusive", async () => {
    const [, second, third] = (await listAudit(trail.sql, EVERYTHING, { after: null, limit: 5 })).toReversed();
    const between = { tenants: null, fromMs: Date.parse(second?.at ?? ""), toMs: Date.parse(third?.at ?? "") };
    const seqs = (await listAudit(trail.sql, between, { after: null, limit: 5 })).map(({ seq }) => seq);
    const sameInstant = second?.at === third?.at;
    expect(seqs).toEqual(sameInstant ? [] : [2]);
  });

  test("an export is one line a row, in order, verifiable without the database, and ends where it began", async () => {
    await using long = await openAuditTrail({ url: await server.migratedDatabase() });
    await long.sql.transaction().execute(async (transaction) => {
      for (let row = 0; row < 1_001; row++) await appendAudit(transaction, auditEntry());
    });
    let previousHash: string | null = null;
    let seq = 0;
    for await (const line of exportAudit(long.sql, EVERYTHING)) {
      if (seq === 0) await long.append();
      expect(line.endsWith("}\n")).toBe(true);
      const { hash, ...record } = JSON.parse(line);
      expect(record.seq).toBe(++seq);
      expect(hashOf(record)).toBe(hash);
      if (previousHash !== null) expect(record.previousHash).toBe(previousHash);
      previousHash = hash;
    }
    expect(seq).toBe(1_001);
  });
});
