// Limits as an operator writes them: see Limits.
import Type from "typebox";
import { MAX_QUOTA, MAX_RATE_LIMIT } from "../limits.ts";
import { Nullable } from "./list.ts";

const meaning = "≥ 1 limit, 0 blocked, -1 unlimited, null or absent not set here";
const Rate = Type.Optional(Nullable(Type.Integer({ minimum: -1, maximum: MAX_RATE_LIMIT, description: meaning })));
const Quota = Type.Optional(Nullable(Type.Integer({ minimum: -1, maximum: MAX_QUOTA, description: meaning })));

export const LimitsBody = Type.Object(
  { perSecond: Rate, perMinute: Rate, perDay: Rate, quotaPerDay: Quota, quotaPerMonth: Quota },
  { additionalProperties: false },
);
