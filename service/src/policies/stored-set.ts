// The rows of a whole stored set, and what became of them when another was applied. Shapes only.
import type { Selectable } from "kysely";
import type { ApiPolicyTable, PlanTable, TenantTable } from "./policy-tables.ts";

export type SetRows = Readonly<{
  plan: Selectable<PlanTable>;
  tenant: Selectable<TenantTable>;
  policy: Selectable<ApiPolicyTable>;
}>;

/** `before` null = it was created, `after` null = it was deleted. */
export type AppliedRow = {
  [Kind in keyof SetRows]: Readonly<{
    kind: Kind;
    key: string;
    before: SetRows[Kind] | null;
    after: SetRows[Kind] | null;
  }>;
}[keyof SetRows];

export type StoredSet = Readonly<{ [Kind in keyof SetRows]: ReadonlyMap<string, SetRows[Kind]> }>;
