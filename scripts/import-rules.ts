// Who may import whom (ARCHITECTURE.md, "import order"), as a pure rule over edges between files.
//
// platform, limits <- tenants, plans <- policies, usage, counters, fallback ... <- check, doors <- main. Equals may
// import each other. Imports of types count too, for they say who knows whom.
// An unsuffixed file of a domain folder is pure: it imports only unsuffixed files, and only types of packages that do I/O.
// Cycles between files are forbidden anywhere, unless types alone close them.
// Tests may import anything; nothing else may import a test.

/** Both ends are paths from the root with forward slashes, or, for `to`, the name of a package. */
export type ImportEdge = Readonly<{ from: string; to: string; typesOnly: boolean }>;
export type Violation = Readonly<{ rule: string; from: string; to: string }>;

const LAYERS: readonly (readonly string[])[] = [
  ["platform", "limits"],
  ["tenants", "plans"],
  ["policies", "usage", "counters", "fallback", "limit-hits", "audit", "auth"],
  ["check", "explain", "admin"],
];
const DOOR_LAYER = LAYERS.length - 1;
const MAIN_LAYER = LAYERS.length;
const BELOW_ALL = -1;
/** Folders that belong to the start of the process, beside main.ts. */
const MAIN_FOLDERS = ["demo"];
/** Suffixes of files that translate between the outside and a domain, wherever they lie. */
const DOOR_SUFFIXES = ["http", "grpc", "admin"];
const TEST_SUFFIXES = ["test", "conformance"];
/** They start, measure or break the whole and may reach everywhere, tests' harness included; only `faults` builds on another. */
const ABOVE_ALL = ["bench", "stack", "faults"];
const WORKSPACES: Readonly<Record<string, readonly string[]>> = {
  contract: [],
  service: ["contract"],
  cli: ["contract", "service"],
};
const IO_PACKAGES = new Set(
  [
    "child_process",
    "cluster",
    "dgram",
    "dns",
    "fs",
    "http",
    "http2",
    "https",
    "net",
    "readline",
    "tls",
    "worker_threads",
  ]
    .flatMap((name) => [`node:${name}`, `node:${name}/promises`])
    .concat(["@electric-sql/pglite", "fastify", "kysely", "pg", "pino", "redis"]),
);

export function findViolations(edges: readonly ImportEdge[]): Violation[] {
  const production = edges.filter(({ from }) => !isTest(from));
  return [
    ...production.flatMap((edge) => rulesBrokenBy(edge).map((rule) => ({ rule, from: edge.from, to: edge.to }))),
    ...findCycles(edges.filter(({ typesOnly }) => !typesOnly)),
  ];
}

function rulesBrokenBy({ from, to, typesOnly }: ImportEdge): string[] {
  const broken: string[] = [];
  const workspace = workspaceOf(from);
  const target = workspaceOf(to);
  const allowed = WORKSPACES[workspace];
  if (allowed && target !== workspace && isWorkspace(target) && !allowed.includes(target)) {
    broken.push(`${workspace} must not import ${target}`);
  }
  if (allowed && isTest(to)) broken.push("only tests import tests");
  if (isPure(from) && (isSuffixed(to) || (IO_PACKAGES.has(to) && !typesOnly)))
    broken.push("an unsuffixed file is pure");
  if (from.startsWith("service/src/") && layerOf(to) > layerOf(from))
    broken.push("a lower layer must not import a higher one");
  return broken;
}

function isWorkspace(name: string): boolean {
  return name in WORKSPACES || ABOVE_ALL.includes(name);
}

function workspaceOf(path: string): string {
  return path.split("/")[0] ?? "";
}

function isTest(path: string): boolean {
  return TEST_SUFFIXES.includes(suffixOf(path)) || path.split("/")[1] === "test";
}

/** `pg` of `policies.pg.ts`, "" of `policies.ts`; "" for packages. */
function suffixOf(path: string): string {
  return /\.([a-z]+)\.ts$/.exec(path)?.[1] ?? "";
}

function isSuffixed(path: string): boolean {
  return path.startsWith("service/src/") && suffixOf(path) !== "";
}

function domainFolderOf(path: string): string | null {
  const folder = /^service\/src\/([^/]+)\/./.exec(path)?.[1] ?? null;
  return folder !== null && MAIN_FOLDERS.includes(folder) ? null : folder;
}

function isPure(path: string): boolean {
  const folder = domainFolderOf(path);
  return folder !== null && folder !== "platform" && suffixOf(path) === "";
}

/** Packages and other workspaces lie below everything. */
function layerOf(path: string): number {
  if (!path.startsWith("service/src/")) return BELOW_ALL;
  if (DOOR_SUFFIXES.includes(suffixOf(path))) return DOOR_LAYER;
  const folder = domainFolderOf(path);
  if (folder === null) return MAIN_LAYER;
  const layer = LAYERS.findIndex((folders) => folders.includes(folder));
  if (layer === -1) throw new Error(`service/src/${folder} has no layer yet: give it one in scripts/import-rules.ts.`);
  return layer;
}

/** One violation for each import that closes a cycle. */
function findCycles(edges: readonly ImportEdge[]): Violation[] {
  const imports = Map.groupBy(edges, ({ from }) => from);
  const state = new Map<string, "open" | "done">();
  const cycles: Violation[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    state.set(file, "open");
    for (const { to } of imports.get(file) ?? []) {
      if (state.get(to) === "open") {
        const cycle = [...path.slice(path.indexOf(to)), to];
        cycles.push({ rule: `cycle: ${cycle.join(" -> ")}`, from: file, to });
      } else if (!state.has(to)) visit(to, [...path, to]);
    }
    state.set(file, "done");
  };
  for (const file of imports.keys()) if (!state.has(file)) visit(file, [file]);
  return cycles;
}
