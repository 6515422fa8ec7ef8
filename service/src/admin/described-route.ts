// A route as a document tells of it, whoever serves it. Shapes only.
import type { ProblemCode } from "@sluice/contract";
import type Type from "typebox";
import type { Action } from "./access.ts";

export type DescribedRoute = Readonly<{
  method: string;
  /** With parameters as `{name}`. */
  path: string;
  tag: string;
  summary: string;
  /** Its name in the document, where method and path give a poor one (operation-id.ts). */
  operation?: string | undefined;
  access: Readonly<{ kind: "open" } | { kind: "user"; action: Action } | { kind: "service" }>;
  shape: Readonly<{ params?: Type.TSchema; query?: Type.TSchema; body?: Type.TSchema }>;
  status: number;
  answer?: Type.TSchema | undefined;
  /** Statuses of a decision that refuses, where the caller asks for its own status. Decisions carry RateLimit fields. */
  refusals?: readonly number[];
  /** Media types of answers that are text made while it is sent. */
  streams: readonly string[];
  needsEtag: boolean;
  takesIdempotencyKey: boolean;
  /** Beyond those that any route may answer. */
  problems: readonly ProblemCode[];
}>;
