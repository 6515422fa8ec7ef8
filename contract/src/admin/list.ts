// What all lists and rows of the Admin API have in common.
import Type from "typebox";

export const DEFAULT_PAGE = 50;
export const MAX_PAGE = 200;

/** Query fields of every list. */
export const PageQuery = {
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: DEFAULT_PAGE, description: "Most items of a page" }),
  ),
  cursor: Type.Optional(Type.String({ maxLength: 1_024, description: "nextCursor of the page before" })),
};

export function PageOf<T extends Type.TSchema>(item: T) {
  return Type.Object(
    {
      items: Type.Array(item),
      nextCursor: Type.Union([Type.String(), Type.Null()], { description: "null on the last page" }),
    },
    { additionalProperties: false },
  );
}

export const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
/** RFC 3339 in UTC with milliseconds. */
export const Instant = Type.String({ pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$" });
export const TenantIdText = Type.String({ pattern: "^[A-Za-z0-9._-]{1,64}$", description: "Id of a tenant" });
export const PlanNameText = Type.String({ pattern: "^[A-Za-z0-9._-]{1,64}$", description: "Name of a plan" });
export const NameText = Type.String({ minLength: 1, maxLength: 200 });

/** Fields of every stored row. `etag` is what If-Match of a change must name. */
export const RowFields = { etag: Type.String(), createdAt: Instant, updatedAt: Instant };
