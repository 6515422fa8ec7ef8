// Instants as callers of the Admin API write them. Pure.
import { Refusal } from "./refusal.ts";

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** UTC milliseconds. */
export function readInstant(text: string, pointer: string): number {
  const atMs = RFC_3339.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(atMs)) return atMs;
  const errors = [{ pointer, detail: "must be an RFC 3339 instant like 2026-11-22T10:00:00Z" }];
  throw new Refusal("INVALID_REQUEST", `${JSON.stringify(text)} is no instant.`, { errors });
}
