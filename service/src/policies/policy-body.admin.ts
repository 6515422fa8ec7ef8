// Bodies of the Admin API as entries of the repository, by the rules of the policy file. Pure.
// Every fault is named by its JSON Pointer into the body.
import type { FieldProblem, OverrideWrite } from "@sluice/contract";
import { readInstant } from "../platform/instant.ts";
import { Refusal } from "../platform/refusal.ts";
import type { PolicyEntry } from "./policy-set.ts";
import { parsePolicySet } from "./policy-set-parse.ts";

/** `body` follows the schema of the contract; what a schema cannot say is looked at here. */
export function parsePolicyBody(body: unknown): PolicyEntry {
  const { set, faults } = parsePolicySet({ apiPolicies: [body] });
  const [entry] = set.policies;
  if (faults.length === 0 && entry !== undefined) return entry;
  const errors = faults.map(({ path, problem }): FieldProblem => {
    // Without the list and the index that the body was wrapped in.
    return {
      pointer: path
        .slice(2)
        .map((step) => `/${step}`)
        .join(""),
      detail: problem,
    };
  });
  throw new Refusal("INVALID_REQUEST", "The policy does not follow the rules: see errors.", { errors });
}

export function parseOverrideBody(body: unknown, nowMs: number): PolicyEntry {
  const { validFrom, validUntil, reason, ...policy } = body as OverrideWrite;
  const entry = parsePolicyBody(policy);
  const validFromMs = validFrom === undefined ? nowMs : readInstant(validFrom, "/validFrom");
  const validUntilMs = readInstant(validUntil, "/validUntil");
  if (validUntilMs > validFromMs) return { ...entry, validity: { validFromMs, validUntilMs }, reason };
  const errors = [{ pointer: "/validUntil", detail: "must lie after validFrom, and after now without one" }];
  throw new Refusal("OUT_OF_RANGE", "The override would never be in force.", { errors });
}
