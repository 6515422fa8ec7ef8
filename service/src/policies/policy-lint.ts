// What to remark on plans and policies as they are written: legal, and probably not what was meant. Never a refusal.
//
// Promise: a remark is true of the set it was made from at `nowMs`. Silence promises nothing: what would take looking at
// every tenant (a plan's policy that each of its tenants overrules) is not looked for.
// The work per row does not grow with the number of policies, but with the number of plans for a policy for everyone.
// Pure. Not here: the codes (contract), malformed rows (refused at the edge), or the order of policies (precedence.ts).
import { type Limits, UNLIMITED, WARNINGS, type Warning, type WarningCode } from "@sluice/contract";
import { parsePattern } from "./pattern.ts";
import type { Plan, Policy } from "./policy.ts";
import { findOverruling } from "./policy-lint-effect.ts";
import { fieldsSetIn, limitsOfPlanRepeated, unreachableLimits } from "./policy-lint-limits.ts";
import { indexOfSet, type LintSet } from "./policy-lint-set.ts";

export interface Lint {
  /** `at` is the JSON Pointer of the row in the body: empty when the body is the row. */
  policy(written: Omit<Policy, "id">, at?: string): Warning[];
  plan(written: Plan, at?: string): Warning[];
}

/** `set` is everything as it will stand after the write, the written rows included. */
export function createLint(set: LintSet, nowMs: number): Lint {
  const index = indexOfSet(set);
  return {
    policy(written, at = "") {
      const warn = warner(at);
      return [
        ...matchWarnings(written, warn),
        ...standingWarnings(written, nowMs, warn),
        ...limitWarnings(written.limits, warn),
        ...findOverruling(written, index, nowMs).map((detail) => warn("WITHOUT_EFFECT", detail, "")),
        ...limitsOfPlanRepeated(written, index).map(({ field, plan }) =>
          warn("EQUALS_PLAN", `${field} of plan ${plan} is the same; leave it out here`, `/limits/${field}`),
        ),
      ];
    },
    plan: (written, at = "") => limitWarnings(written.limits, warner(at)),
  };
}

type Warn = (code: WarningCode, detail: string, pointer: string) => Warning;

function warner(at: string): Warn {
  return (code, detail, pointer) => ({ code, message: `${WARNINGS[code]}: ${detail}.`, pointer: at + pointer });
}

function* matchWarnings({ apiPattern, httpMethod }: Omit<Policy, "id">, warn: Warn): Generator<Warning> {
  const parsed = parsePattern(apiPattern);
  if (parsed.kind === "faulty") yield warn("NEVER_MATCHES", parsed.faults.join("; "), "/apiPattern");
  else if (parsed.canonical !== apiPattern) {
    yield warn("NEVER_MATCHES", `paths are matched as ${parsed.canonical}, write that`, "/apiPattern");
  }
  if (!/^[!#$%&'*+.^_`|~0-9A-Z-]{1,32}$/.test(httpMethod)) {
    yield warn("NEVER_MATCHES", `${JSON.stringify(httpMethod)} is no upper-case method of HTTP`, "/httpMethod");
  }
}

function* standingWarnings(written: Omit<Policy, "id">, nowMs: number, warn: Warn): Generator<Warning> {
  const { enabled, enforcement, limits, validity } = written;
  if (!enabled) yield warn("DISABLED", "enable it to put it in force", "/enabled");
  if (validity !== null && validity.validUntilMs <= nowMs) {
    yield warn("OVERRIDE_ENDED", `it ended at ${new Date(validity.validUntilMs).toISOString()}`, "/validUntil");
  }
  const fields = fieldsSetIn(limits);
  if (enforcement === "ENFORCE" && fields.length === 0) {
    yield warn("LIMITS_NOTHING", "it only names usage, and its fallback if it has one", "/limits");
  }
  if (enforcement === "SHADOW" && fields.every((field) => limits[field] === UNLIMITED)) {
    yield warn("WATCHES_NOTHING", "and it hides less specific SHADOW policies of its scope", "/limits");
  }
}

function limitWarnings(limits: Limits, warn: Warn): Warning[] {
  return unreachableLimits(limits).map(({ shorter, longer }) => {
    const detail = `${longer} ${limits[longer]} is below ${shorter} ${limits[shorter]}`;
    return warn("UNREACHABLE_LIMIT", detail, `/limits/${shorter}`);
  });
}
