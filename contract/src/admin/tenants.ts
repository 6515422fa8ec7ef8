// Tenants on the wire of the Admin API.
import Type from "typebox";
import { Instant, NameText, Nullable, PageOf, PageQuery, PlanNameText, RowFields, TenantIdText } from "./list.ts";

const Status = Type.Enum(["ACTIVE", "SUSPENDED"], { description: "Calls of a suspended tenant are refused" });
const TimeZone = Type.String({ minLength: 1, maxLength: 64, description: "IANA name, such as Asia/Seoul" });

export const TenantItem = Type.Object(
  {
    id: TenantIdText,
    name: NameText,
    plan: PlanNameText,
    status: Status,
    timeZone: TimeZone,
    nextPlan: Nullable(Type.Object({ plan: PlanNameText, at: Instant }, { additionalProperties: false })),
    ...RowFields,
  },
  { additionalProperties: false },
);
export type TenantItem = Type.Static<typeof TenantItem>;

export const TenantList = PageOf(TenantItem);
export const TenantListQuery = Type.Object(
  { plan: Type.Optional(PlanNameText), status: Type.Optional(Status), ...PageQuery },
  { additionalProperties: false },
);
export const TenantParams = Type.Object({ id: TenantIdText }, { additionalProperties: false });

const written = {
  name: Type.Optional(NameText),
  status: Type.Optional(Status),
  timeZone: Type.Optional(TimeZone),
};
export const TenantCreate = Type.Object(
  { id: TenantIdText, plan: PlanNameText, ...written },
  { additionalProperties: false },
);
/** What is absent stays as it is. The plan has a route of its own. */
export const TenantUpdate = Type.Object(written, { additionalProperties: false, minProperties: 1 });
export const TenantPlanChange = Type.Object(
  {
    plan: PlanNameText,
    at: Type.Optional(
      Nullable(
        Type.String({
          maxLength: 64,
          description: "RFC 3339 instant; null or absent = now. Usage carries over either way",
        }),
      ),
    ),
  },
  { additionalProperties: false },
);
