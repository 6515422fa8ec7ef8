// Turns a parsed JSON value into a CheckInput, or lists everything that is wrong with it.
// First the shape (the contract's schema, compiled), then what a schema cannot say: printable ids, canonical paths, RFC 3339.
// A value that passes is copied field by field, so that nothing else of the caller's object travels on.
// Not here: reading bodies (body.http.ts), who may ask (auth/).
import { CheckBatch, CheckRequest, type FieldProblem } from "@sluice/contract";
import type Type from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { Settings } from "typebox/system";
import { ANONYMOUS_USER } from "../counters/counters.ts";
import { normalisePath } from "../policies/path.ts";
import type { CheckInput } from "./input.ts";
import { isPrintable } from "./printable.ts";
import { parseTimestamp } from "./timestamp.ts";

/** Unknown fields beyond this many are only counted: a body of 16 KiB could name thousands. */
const MAX_LISTED_UNKNOWN = 20;

export type Parsed =
  /** `timestampMs` is the caller's clock, null when it sent none. */
  | Readonly<{ kind: "ok"; input: CheckInput; timestampMs: number | null }>
  | Readonly<{ kind: "faulty"; errors: FieldProblem[] }>;

export type ParsedBatch =
  | Readonly<{ kind: "ok"; checks: readonly unknown[] }>
  | Readonly<{ kind: "faulty"; errors: FieldProblem[] }>;

// The library lists eight faults and stops; all faults of the known fields together are fewer than this.
Settings.Set({ maxErrors: 64 });
const request = Compile(CheckRequest);
const batch = Compile(CheckBatch);

/** `pointer` is where `value` stands in the body: "" for a single check, "/checks/3" in a batch. */
export function parseCheck(value: unknown, pointer: string): Parsed {
  if (!request.Check(value)) return { kind: "faulty", errors: shapeFaults(request, value, pointer) };
  const path = normalisePath(value.apiPath);
  const timestampMs = value.timestamp === undefined ? null : parseTimestamp(value.timestamp);
  const printable =
    (value.userId === undefined || isPrintable(value.userId)) &&
    (value.requestId === undefined || isPrintable(value.requestId));
  if (path.kind === "malformed" || !printable || (timestampMs === null && value.timestamp !== undefined)) {
    return { kind: "faulty", errors: meaningFaults(value, pointer) };
  }
  const input: CheckInput = {
    tenantId: value.tenantId,
    user: value.userId ?? ANONYMOUS_USER,
    segments: path.segments,
    httpMethod: value.httpMethod.toUpperCase(),
    cost: value.cost ?? 1,
    requestId: value.requestId ?? null,
  };
  return { kind: "ok", input, timestampMs };
}

/** The envelope only: its items are parsed one by one, because a faulty item spoils nothing but itself. */
export function parseBatch(value: unknown): ParsedBatch {
  if (batch.Check(value)) return { kind: "ok", checks: value.checks };
  return { kind: "faulty", errors: shapeFaults(batch, value, "") };
}

function meaningFaults(value: CheckRequest, pointer: string): FieldProblem[] {
  const faults: FieldProblem[] = [];
  for (const field of ["userId", "requestId"] as const) {
    if (value[field] === undefined || isPrintable(value[field])) continue;
    faults.push({
      pointer: `${pointer}/${field}`,
      detail: "must hold printable characters only: no control characters, no lone surrogates, no invisible formatting",
    });
  }
  const path = normalisePath(value.apiPath);
  if (path.kind === "malformed") faults.push({ pointer: `${pointer}/apiPath`, detail: path.detail });
  if (value.timestamp !== undefined && parseTimestamp(value.timestamp) === null) {
    faults.push({
      pointer: `${pointer}/timestamp`,
      detail: "must be an RFC 3339 date-time like 2026-11-22T10:00:00.000Z",
    });
  }
  return faults;
}

type Shape = Validator<Type.TProperties, typeof CheckRequest> | Validator<Type.TProperties, typeof CheckBatch>;

/** Known fields are judged apart from unknown ones, so that a flood of the latter hides no fault of the former. */
function shapeFaults(shape: Shape, value: unknown, pointer: string): FieldProblem[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return [{ pointer, detail: "must be a JSON object" }];
  }
  const properties: Record<string, unknown> = shape.Type().properties;
  const known = Object.entries(value).filter(([field]) => Object.hasOwn(properties, field));
  const unknown = Object.keys(value).filter((field) => !Object.hasOwn(properties, field));
  const faults = shape.Errors(Object.fromEntries(known)).flatMap((error): FieldProblem[] => {
    if (error.keyword !== "required") return [{ pointer: pointer + error.instancePath, detail: error.message }];
    return error.params.requiredProperties.map((field) => ({ pointer: `${pointer}/${field}`, detail: "is required" }));
  });
  for (const field of unknown.slice(0, MAX_LISTED_UNKNOWN)) {
    faults.push({ pointer: `${pointer}/${escapePointer(field)}`, detail: "is not a field of the contract" });
  }
  const unlisted = unknown.length - MAX_LISTED_UNKNOWN;
  if (unlisted > 0) faults.push({ pointer, detail: `has ${unlisted} more fields that are not of the contract` });
  return faults;
}

function escapePointer(field: string): string {
  return field.replaceAll("~", "~0").replaceAll("/", "~1");
}
