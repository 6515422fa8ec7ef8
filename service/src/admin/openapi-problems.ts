// The refusals of the OpenAPI document: each set of error codes that share a status is described once, with an example
// of each, and every route refers to it. Pure.
import { exampleProblem, PROBLEMS, type ProblemCode } from "@sluice/contract";

const PROBLEM_TYPE = "application/problem+json";
const schema = { $ref: "#/components/schemas/Problem" };
/** A problem without a word on which. */
export const PROBLEM_CONTENT = { [PROBLEM_TYPE]: { schema } };
/** Statuses that say when to come again. */
const WAITING = [429, 503];

export type SharedProblems = Readonly<{
  /** By status: a reference to the response that says these codes. */
  refer: (codes: Iterable<ProblemCode>) => Readonly<Record<string, Readonly<{ $ref: string }>>>;
  /** The responses that were referred to so far, by name. */
  components: () => Readonly<Record<string, unknown>>;
}>;

export function shareProblems(): SharedProblems {
  const components = new Map<string, unknown>();
  return {
    refer: (codes) => {
      const byStatus = Map.groupBy(new Set(codes), (code) => PROBLEMS[code].status);
      const references = [...byStatus].map(([status, some]) => {
        const name = some.join(".");
        if (!components.has(name)) components.set(name, responseOf(status, some));
        return [status, { $ref: `#/components/responses/${name}` }] as const;
      });
      return Object.fromEntries(references);
    },
    components: () => Object.fromEntries(components),
  };
}

function responseOf(status: number, codes: readonly ProblemCode[]) {
  const waits = WAITING.includes(status) || codes.includes("IDEMPOTENCY_KEY_IN_PROGRESS");
  const headers = {
    "Content-Language": { $ref: "#/components/headers/ContentLanguage" },
    ...(waits && { "Retry-After": { $ref: "#/components/headers/RetryAfter" } }),
  };
  const examples = codes.map((code) => {
    return [code, { summary: PROBLEMS[code].words.en.title, value: exampleProblem(code, "en") }] as const;
  });
  return {
    description: codes
      .map((code) => `${code}: ${PROBLEMS[code].words.en.title}. ${PROBLEMS[code].words.en.fix}`)
      .join("\n\n"),
    headers,
    content: {
      [PROBLEM_TYPE]: { schema, examples: Object.fromEntries(examples) },
    },
  };
}
