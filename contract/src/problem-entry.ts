// What is known of one error code: its status, its words in every language the platform speaks, and a real example.
// Answers take title and fix from here, and the pages of docs/errors take all of it.
import Type from "typebox";

export const LANGUAGES = ["en", "ko"] as const;
export type Language = (typeof LANGUAGES)[number];

export const FieldProblem = Type.Object({
  pointer: Type.String({ description: "JSON Pointer (RFC 6901) into the body" }),
  detail: Type.String(),
});
export type FieldProblem = Type.Static<typeof FieldProblem>;

type Words = Readonly<{
  /** Without a full stop, as in a list. */
  title: string;
  /** What the caller did, or what happened. Whole sentences. */
  cause: string;
  /** How to go on, whatever the particulars are. Whole sentences. */
  fix: string;
}>;

export type ProblemEntry = Readonly<{
  status: number;
  words: Readonly<Record<Language, Words>>;
  /** As the service says it: service/src/problem-examples.test.ts asks it for these. */
  example: Readonly<{
    detail: string;
    errors: readonly FieldProblem[];
    /** Empty where no request could be read. */
    traceId?: "";
  }>;
}>;
