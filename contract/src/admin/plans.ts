// Plans on the wire of the Admin API.
import Type from "typebox";
import { Warning } from "../warnings.ts";
import { LimitsBody } from "./limits.ts";
import { PageOf, PageQuery, PlanNameText, RowFields } from "./list.ts";

export const PlanItem = Type.Object(
  { name: PlanNameText, limits: LimitsBody, ...RowFields },
  { additionalProperties: false },
);
export type PlanItem = Type.Static<typeof PlanItem>;

export const PlanWritten = Type.Object(
  { name: PlanNameText, limits: LimitsBody, ...RowFields, warnings: Type.Array(Warning) },
  { additionalProperties: false },
);
export const PlanList = PageOf(PlanItem);
export const PlanListQuery = Type.Object({ ...PageQuery }, { additionalProperties: false });
export const PlanParams = Type.Object({ name: PlanNameText }, { additionalProperties: false });
export const PlanCreate = Type.Object({ name: PlanNameText, limits: LimitsBody }, { additionalProperties: false });
export const PlanReplace = Type.Object({ limits: LimitsBody }, { additionalProperties: false });
