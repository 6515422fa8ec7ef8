// Reads values of unknown shape field by field, and notes every fault instead of stopping at the first. Pure.
// A faulty field reads as something harmless of its type, so that what stands beside it is still looked at.

export type SetPath = readonly (string | number)[];
export type SetFault = Readonly<{ path: SetPath; problem: string }>;

/** A mapping and where it stands. */
export type Fields = Readonly<{ value: Readonly<Record<string, unknown>>; path: SetPath }>;

export class Reader {
  readonly faults: SetFault[] = [];
  /** Where each item of a list stands that has no fault in itself: only those are compared with each other. */
  readonly sound = new Map<object, SetPath>();

  fault(fields: Fields, field: string | number, problem: string): void {
    this.faults.push({ path: [...fields.path, field], problem });
  }

  fields(value: unknown, path: SetPath, known: readonly string[]): Fields {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      const fields = { value: value as Record<string, unknown>, path };
      this.know(fields, known);
      return fields;
    }
    this.faults.push({ path, problem: `must be a mapping with the fields ${known.join(", ")}` });
    return { value: {}, path };
  }

  /** Faults every field that is not one of `known`. */
  know(fields: Fields, known: readonly string[]): void {
    for (const field of Object.keys(fields.value)) {
      if (!known.includes(field)) this.fault(fields, field, `is unknown: the fields here are ${known.join(", ")}`);
    }
  }

  /** An absent list is an empty one. Items that are no mapping are faulted and left out. */
  list<Item extends object>(fields: Fields, field: string, parse: (item: Fields) => Item): Item[] {
    const value = fields.value[field];
    if (value == null) return [];
    if (!Array.isArray(value)) {
      this.fault(fields, field, "must be a list");
      return [];
    }
    return value.flatMap((item: unknown, index) => {
      const path = [...fields.path, field, index];
      if (typeof item === "object" && item !== null && !Array.isArray(item)) {
        const before = this.faults.length;
        const parsed = parse({ value: item as Record<string, unknown>, path });
        if (this.faults.length === before) this.sound.set(parsed, path);
        return [parsed];
      }
      this.faults.push({ path, problem: "must be a mapping" });
      return [];
    });
  }

  text(fields: Fields, field: string, isValid: (text: string) => boolean, rule: string): string {
    const text = this.optionalText(fields, field, isValid, rule);
    if (fields.value[field] == null) this.fault(fields, field, `is missing: give ${rule}`);
    return text ?? "";
  }

  /** Null when absent. */
  optionalText(fields: Fields, field: string, isValid: (text: string) => boolean, rule: string): string | null {
    const value = fields.value[field];
    if (value == null) return null;
    if (typeof value === "string" && isValid(value)) return value;
    const quotes = typeof value === "string" ? "" : `: it is a ${typeof value}, put it in quotes`;
    this.fault(fields, field, `must be ${rule}${quotes}`);
    return typeof value === "string" ? value : "";
  }

  /** `absent` is what an absent field means; without it the field is required. */
  oneOf<const Value extends string>(
    fields: Fields,
    field: string,
    values: readonly [Value, ...Value[]],
    absent?: NoInfer<Value>,
  ): Value {
    const value = fields.value[field];
    if (value === undefined && absent !== undefined) return absent;
    const found = values.find((known) => known === value);
    if (found === undefined) {
      const verb = value === undefined ? "is missing: give" : "must be";
      this.fault(fields, field, `${verb} one of ${values.join(", ")}`);
    }
    return found ?? values[0];
  }

  /** Faults every item whose key an earlier one has; `field` is where that shows. */
  distinct<Item extends object>(
    items: readonly Item[],
    field: string,
    what: string,
    keyOf: (item: Item) => string,
  ): void {
    const first = new Map<string, SetPath>();
    for (const item of items) {
      const path = this.sound.get(item);
      if (path === undefined) continue;
      const key = keyOf(item);
      const before = first.get(key);
      if (before === undefined) first.set(key, path);
      else this.faults.push({ path: [...path, field], problem: `has the same ${what} as ${before.join("/")}` });
    }
  }

  flag(fields: Fields, field: string, absent: boolean): boolean {
    const value = fields.value[field] ?? absent;
    if (typeof value !== "boolean") this.fault(fields, field, "must be true or false");
    return value === true;
  }
}
