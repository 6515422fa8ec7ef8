import fc from "fast-check";
import { expect, test } from "vitest";
import type { Tenant } from "./policy.ts";
import { tenant } from "./resolve.world.ts";
import { TenantTable } from "./tenant-table.ts";
import { TenantIds } from "./tenant-table-ids.ts";

const AT_MS = 1_000_000;
const someId = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/),
  fc.constantFrom("a", "b", "aa", "ab", "ba", "A", ".", "-", "_"),
);

test("every id has one row and comes back from it; ids that were never added have none", () => {
  fc.assert(
    fc.property(fc.array(someId, { maxLength: 300 }), fc.array(someId, { maxLength: 20 }), (added, asked) => {
      const ids = new TenantIds();
      const rows = new Map<string, number>();
      for (const id of added) rows.set(id, ids.add(id));
      expect(ids.size).toBe(rows.size);
      expect(new Set(rows.values()).size).toBe(rows.size);
      for (const [id, row] of rows) expect([ids.find(id), ids.idOf(row)]).toEqual([row, id]);
      for (const id of asked) expect(ids.find(id)).toBe(rows.get(id) ?? -1);
    }),
    { seed: 21, numRuns: 200 },
  );
});

test("30 000 ids that begin alike are all found, across pages, blocks and growth of the index; their beginnings are not", () => {
  const ids = new TenantIds();
  const idAt = (i: number): string => `tenant-of-the-same-operator-${i}`;
  const added = Array.from({ length: 30_000 }, (_, i) => idAt(10_000 + i));
  for (const id of added) ids.add(id);
  expect(added.map((id) => ids.find(id))).toEqual([...added.keys()]);
  expect(added.map((_, row) => ids.idOf(row))).toEqual(added);
  const beginnings = Array.from({ length: 10_000 }, (_, i) => idAt(i));
  expect(beginnings.filter((id) => ids.find(id) !== -1)).toEqual([]);
});

test.each(["", "x".repeat(65), "x".repeat(10_000), "\u0000", "t\u00e9nant", "\u0161cme", "acm\ud800", "__proto__"])(
  "the absurd id %j is no tenant",
  (id) => {
    const draft = new TenantTable().edit();
    draft.set(tenant("acme"));
    // The low byte of U+0161 is that of "a".
    expect(draft.finish().view(id, AT_MS)).toBeNull();
  },
);

test("an id of no or too many characters cannot be added", () => {
  const ids = new TenantIds();
  expect(() => ids.add("")).toThrow(/1 to 255 characters/);
  expect(() => ids.add("x".repeat(256))).toThrow(/not 256/);
});

test("a table behaves as a map of tenants, and the table it was made from stays as it was", () => {
  const someTenant = fc.record({ id: someId, plan: fc.constantFrom("FREE", "PRO"), isKept: fc.boolean() });
  fc.assert(
    fc.property(fc.array(fc.array(someTenant, { maxLength: 30 }), { maxLength: 6 }), (steps) => {
      let table = new TenantTable();
      let model = new Map<string, Tenant>();
      const history: [TenantTable, Map<string, Tenant>][] = [[table, model]];
      for (const step of steps) {
        const draft = table.edit();
        model = new Map(model);
        for (const { id, plan, isKept } of step) {
          if (isKept) draft.set(tenant(id, { plan }));
          else draft.remove(id);
          if (isKept) model.set(id, tenant(id, { plan }));
          else model.delete(id);
        }
        table = draft.finish();
        history.push([table, model]);
      }
      for (const [then, rows] of history) {
        expect(then.count).toBe(rows.size);
        expect(new Map([...then.rows()].map((row) => [row.id, row]))).toEqual(rows);
        for (const { id } of steps.flat()) expect(then.view(id, AT_MS)?.plan).toBe(rows.get(id)?.plan);
      }
    }),
    { seed: 22, numRuns: 200 },
  );
});

test("a scheduled plan change is seen from its instant on, also when the clock steps back", () => {
  const draft = new TenantTable().edit();
  draft.set(tenant("acme", { nextPlan: { plan: "PRO", atMs: AT_MS } }));
  const table = draft.finish();
  const planAt = (nowMs: number): string | undefined => table.view("acme", nowMs)?.plan;
  expect([AT_MS - 1, AT_MS, AT_MS + 1, AT_MS - 1].map(planAt)).toEqual(["FREE", "PRO", "PRO", "FREE"]);
});

test("asked again, a tenant is answered with the same view", () => {
  const draft = new TenantTable().edit();
  draft.set(tenant("acme"));
  const table = draft.finish();
  expect(table.view("acme", AT_MS)).toBe(table.view("acme", AT_MS + 1));
});
