// Every route of the platform that a document tells of: the Admin API's, and the check's, which are served apart.
import { BatchDecisions, CheckBatch, CheckRequest, Decision } from "@sluice/contract";
import Type from "typebox";
import type { DescribedRoute } from "./admin/described-route.ts";
import { describeRoute, type Route } from "./admin/route.admin.ts";
import { BATCH_PATH, CHECK_PATH } from "./check/check.http.ts";

const OF_CHECKS = {
  method: "POST",
  tag: "check",
  access: { kind: "service" },
  status: 200,
  streams: [],
  needsEtag: false,
  takesIdempotencyKey: false,
  problems: ["INVALID_JSON", "UNAUTHENTICATED", "TENANT_NOT_PERMITTED", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE"],
} as const;

const CHECKS: readonly DescribedRoute[] = [
  {
    ...OF_CHECKS,
    path: CHECK_PATH,
    summary: "May this call of this tenant go on?",
    refusals: [403, 404, 429, 503],
    shape: {
      query: Type.Object({
        enforce: Type.Optional(Type.Enum(["0", "1"], { description: "1 = a refusal is answered with its own status" })),
      }),
      body: CheckRequest,
    },
    answer: Decision,
  },
  {
    ...OF_CHECKS,
    path: BATCH_PATH,
    summary: "Up to 256 checks at once; those of one tenant in order",
    shape: { body: CheckBatch },
    answer: BatchDecisions,
  },
];

export function describedRoutes(admin: readonly Route[]): DescribedRoute[] {
  return [...CHECKS, ...admin.map(describeRoute)];
}
