// Parses a policy file (YAML 1.2 or JSON, which is YAML): the declared set, or every fault with its line and its fix.
// Pure: text in. Not here: what a declaration may say (policy-set-parse.ts), reading the disk (policy-file.file.ts), or
// bringing it into the database (policy-file.pg.ts).
import { createHash } from "node:crypto";
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import type { PolicySet } from "./policy-set.ts";
import { parsePolicySet } from "./policy-set-parse.ts";
import type { SetPath } from "./policy-set-reader.ts";

/** An anchor used more often than this is a bomb, not a shorthand. */
const MAX_ALIASES = 1_000;

export type FileFault = Readonly<{
  /** From 1. */
  line: number;
  /** Such as `apiPolicies/0/limits`; empty for the file as a whole. */
  where: string;
  problem: string;
}>;

/** A row that the file names and does not declare: a fault unless it exists already. */
export type FileReference = FileFault & Readonly<{ kind: "PLAN" | "TENANT"; key: string }>;

export type PolicyFile = Readonly<{ sha256: string; set: PolicySet; references: readonly FileReference[] }>;

export type ParsedPolicyFile =
  | Readonly<{ kind: "parsed"; file: PolicyFile }>
  | Readonly<{ kind: "faulty"; faults: readonly FileFault[] }>;

export function parsePolicyFile(text: string): ParsedPolicyFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number) => Math.max(1, lines.linePos(offset).line);
  if (document.errors.length > 0) {
    const faults = document.errors.map(({ pos, message }) => ({ line: lineAt(pos[0]), where: "", problem: message }));
    return { kind: "faulty", faults };
  }
  const plain = plainValue(document);
  if (plain instanceof Error) return { kind: "faulty", faults: [{ line: 1, where: "", problem: plain.message }] };
  const { set, faults, references } = parsePolicySet(plain.value);
  const located = <Fault extends { path: SetPath; problem: string }>({ path, ...rest }: Fault) => {
    return { ...rest, line: lineAt(offsetOf(document, path)), where: path.join("/") };
  };
  if (faults.length > 0) {
    const all = [...faults, ...references].map(({ path, problem }) => located({ path, problem }));
    return { kind: "faulty", faults: all.sort((a, b) => a.line - b.line) };
  }
  const sha256 = createHash("sha256").update(text).digest("hex");
  return { kind: "parsed", file: { sha256, set, references: references.map(located) } };
}

/** For logs and terminals: `policies.yaml:12: apiPolicies/0/scope must be one of …`. */
export function describeFault(path: string, { line, where, problem }: FileFault): string {
  return `${path}:${line}: ${where === "" ? problem : `${where} ${problem}`}`;
}

function plainValue(document: Document): { value: unknown } | Error {
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }) };
  } catch (fault) {
    return fault instanceof Error ? fault : new Error(String(fault));
  }
}

/** Where the deepest part of `path` that exists begins; of a field that is there, its key. */
function offsetOf(document: Document, path: SetPath): number {
  let node = resolved(document, document.contents);
  let offset = 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) return offset;
      offset = startOf(pair.key) ?? offset;
      node = resolved(document, pair.value);
    } else if (isSeq(node)) {
      const item = node.items[Number(step)];
      offset = startOf(item) ?? offset;
      node = resolved(document, item);
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | undefined)?.range?.[0];
}

function resolved(document: Document, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}
