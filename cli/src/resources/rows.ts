// Rows of the Admin API as a person reads them in a table: nested values as one short text. Pure.
import type { Row } from "../terminal.ts";

export type Item = Readonly<Record<string, unknown>>;

/** Where null does not mean that there is nothing. */
const NULL_WORDS: Readonly<Record<string, string>> = { tenants: "all" };

/** One line for each item. */
export function listRows(items: readonly Item[], columns: readonly string[]): Row[] {
  return items.map((item) => Object.fromEntries(columns.map((column) => [column, shown(item[column], column)])));
}

/** One line for each field. */
export function itemRows(item: Item): Row[] {
  return Object.entries(item).map(([field, value]) => ({ field, value: shown(value, field) }));
}

function shown(value: unknown, field: string): Row[string] {
  if (value === null || value === undefined) return NULL_WORDS[field] ?? null;
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map((each) => shown(each, "")).join(", ");
  if (typeof value === "object") {
    const entries = Object.entries(value).filter(([, inner]) => inner !== null);
    return entries.map(([name, inner]) => `${name}=${shown(inner, name)}`).join(" ") || null;
  }
  return typeof value === "boolean" || typeof value === "number" ? value : String(value);
}
