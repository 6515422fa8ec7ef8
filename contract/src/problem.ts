// Errors on the wire: RFC 9457 problem documents, in the language of the caller. Codes and pointers are never translated.
import Type from "typebox";
import { PROBLEMS, type ProblemCode } from "./problem-catalogue.ts";
import { FieldProblem, type Language } from "./problem-entry.ts";

export const Problem = Type.Object({
  type: Type.String({ description: "A name made of the code; not an address" }),
  title: Type.String({ description: "What the code means, in the language of the answer" }),
  status: Type.Integer(),
  code: Type.String({ description: "One of a closed list; never translated, never changes its meaning" }),
  detail: Type.String({ description: "What is wrong with this request" }),
  errors: Type.Array(FieldProblem, { description: "Every faulty field; empty where no single field is" }),
  traceId: Type.String({ description: "The log has this request under it" }),
});
export type Problem = Type.Static<typeof Problem>;

/** The document of `code`. `detail` is public, and English: private causes go to the log. */
export function problem(
  code: ProblemCode,
  detail: string,
  errors: readonly FieldProblem[],
  traceId: string,
  language: Language = "en",
): Problem {
  const { status, words } = PROBLEMS[code];
  const { title, fix } = words[language];
  return {
    ...{ type: `urn:sluice:problem:${code}`, title, status, code },
    // What only the English sentence knows, such as names and numbers, stays readable behind the general advice.
    detail: language === "en" ? detail : `${fix} (${detail})`,
    errors: [...errors],
    traceId,
  };
}

const EXAMPLE_TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";

/** A document of `code` as the service answered it, for whoever explains the code. */
export function exampleProblem(code: ProblemCode, language: Language): Problem {
  const { detail, errors, traceId = EXAMPLE_TRACE_ID } = PROBLEMS[code].example;
  return problem(code, detail, errors, traceId, language);
}
