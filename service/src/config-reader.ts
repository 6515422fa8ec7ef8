// Reads single variables and collects what is wrong with them, so that all faults are reported together.
// A faulty variable reads as its default: the caller goes on and finds the other faults.
// Promise: no fault quotes the value of a secret. Not here: which variables exist (config.ts), how they fit together
// (config-rules.ts).
import { Secret } from "./platform/secret.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What is wrong with `variable`, and what to do about it. */
export type Fault = Readonly<{ variable: string; problem: string; fix: string }>;

/** What a person reads when the service does not start: a line for each fault, and below it the fix. */
export function describeFaults(faults: readonly Fault[]): string {
  return faults.map(({ variable, problem, fix }) => `${variable} ${problem}.\n    Fix: ${fix}.`).join("\n");
}

export type Range = Readonly<{ least: number; most: number; unit: string }>;

export class ConfigReader {
  readonly faults: Fault[] = [];
  readonly #environment: Environment;
  readonly #readFile: (path: string) => string;
  readonly #known = new Set<string>();

  /** `readFile` returns the text of a file or throws. */
  constructor(environment: Environment, readFile: (path: string) => string) {
    this.#environment = environment;
    this.#readFile = readFile;
  }

  fault(variable: string, problem: string, fix: string): void {
    this.faults.push({ variable, problem, fix });
  }

  /** Whether something is wrong with `variable` already: a rule that would only repeat it in other words stays silent. */
  isFaulty(variable: string): boolean {
    return this.faults.some((fault) => fault.variable === variable);
  }

  /** Null when absent; empty is absent, as orchestrators cannot unset a variable. */
  text(variable: string): string | null {
    this.#known.add(variable);
    const value = this.#environment[variable];
    return value === undefined || value.trim() === "" ? null : value.trim();
  }

  /** The value of `variable`, or of the file that `<variable>_FILE` names. */
  textOrFile(variable: string): string | null {
    const value = this.text(variable);
    const path = this.text(`${variable}_FILE`);
    if (path === null) return value;
    if (value !== null) {
      this.fault(variable, `is set, and ${variable}_FILE is set too`, `unset one of the two`);
      return null;
    }
    try {
      const text = this.#readFile(path).trim();
      if (text !== "") return text;
      this.fault(`${variable}_FILE`, `names an empty file, ${path}`, "write the value into it");
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      this.fault(`${variable}_FILE`, `names a file that cannot be read: ${why}`, "mount the file, or correct the path");
    }
    return null;
  }

  secret(variable: string): Secret | null {
    const value = this.textOrFile(variable);
    return value === null ? null : new Secret(value);
  }

  /** A secret of at least `leastLength` characters. */
  longSecret(variable: string, leastLength: number): Secret | null {
    const secret = this.secret(variable);
    if (secret !== null && secret.reveal().length < leastLength) {
      this.fault(
        variable,
        `is shorter than ${leastLength} characters`,
        "use a random value, e.g. of `openssl rand -hex 32`",
      );
    }
    return secret;
  }

  integer<Absent extends number | null>(variable: string, range: Range, absent: Absent): number | Absent {
    return this.#integerOf(variable, this.text(variable), range, absent);
  }

  /** The value of `variable`, or of the file that `<variable>_FILE` names. */
  integerOrFile<Absent extends number | null>(variable: string, range: Range, absent: Absent): number | Absent {
    return this.#integerOf(variable, this.textOrFile(variable), range, absent);
  }

  #integerOf<Absent extends number | null>(
    variable: string,
    text: string | null,
    { least, most, unit }: Range,
    absent: Absent,
  ): number | Absent {
    if (text === null) return absent;
    const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const fix = text.includes("://")
      ? "Kubernetes sets this for a Service of the same name: set enableServiceLinks: false"
      : `use a whole number from ${least} to ${most} (${unit})`;
    this.fault(variable, `is ${JSON.stringify(text)}`, fix);
    return absent;
  }

  choice<Value extends string>(variable: string, values: readonly Value[], absent: Value): Value {
    const text = this.text(variable);
    if (text === null) return absent;
    const value = values.find((candidate) => candidate === text);
    if (value !== undefined) return value;
    this.fault(variable, `is ${JSON.stringify(text)}`, `use one of ${values.join(", ")}`);
    return absent;
  }

  flag(variable: string): boolean {
    return this.choice(variable, ["0", "1"], "0") === "1";
  }

  /** Comma-separated entries, trimmed, without empty ones; null when absent. */
  list(variable: string): string[] | null {
    return splitList(this.text(variable));
  }

  /** Variables that start like ours and that nothing reads: typing errors, most likely. */
  unread(prefix: string): string[] {
    return Object.keys(this.#environment)
      .filter((variable) => variable.startsWith(prefix) && !this.#known.has(variable))
      .sort();
  }
}

/** Entries separated by commas or line ends; null when there is none. */
export function splitList(text: string | null): string[] | null {
  const entries = (text ?? "")
    .split(/[,\n]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
  return entries.length === 0 ? null : entries;
}
