// Cursors of lists: where the next page begins, as one opaque word. Pure.
// A cursor holds the key of the last item shown, so that rows that come or go meanwhile shift nothing.
import { Refusal } from "../platform/refusal.ts";

export const DEFAULT_PAGE = 50;
export const MAX_PAGE = 200;

export type CursorKey = readonly (string | number)[];

export function writeCursor(key: CursorKey): string {
  return Buffer.from(JSON.stringify(key)).toString("base64url");
}

const KINDS = {
  text: (part: unknown) => typeof part === "string",
  integer: (part: unknown) => Number.isSafeInteger(part),
  uuid: (part: unknown) => typeof part === "string" && UUID.test(part),
} as const;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** `kinds` are those of the key's parts, in order. Null for the first page. */
export function readCursor(cursor: string | undefined, kinds: readonly (keyof typeof KINDS)[]): CursorKey | null {
  if (cursor === undefined) return null;
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    const fits = Array.isArray(key) && key.length === kinds.length && kinds.every((kind, i) => KINDS[kind](key[i]));
    if (fits) return key as CursorKey;
  } catch {
    // Said below.
  }
  throw new Refusal("INVALID_REQUEST", "The cursor is none of this list's: begin again without it.", {
    errors: [{ pointer: "/cursor", detail: "must be a nextCursor of the same list" }],
  });
}

export type Page<Item> = Readonly<{ items: readonly Item[]; nextCursor: string | null }>;

/** `rows` are one more than the page holds where there are more. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  itemOf: (row: Row) => Item,
  keyOf: (row: Row) => CursorKey,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const nextCursor = rows.length > limit && last !== undefined ? writeCursor(keyOf(last)) : null;
  return { items: shown.map(itemOf), nextCursor };
}
