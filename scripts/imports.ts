// Checks the import order of the whole repository: reads every source file's imports and hands them to import-rules.ts.
// oxc-parser reads them: dependency-cruiser cannot read TypeScript beside TypeScript 7.
import { globSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { parseSync } from "oxc-parser";
import { findViolations, type ImportEdge } from "./import-rules.ts";

const root = join(import.meta.dirname, "..");
const WORKSPACE_PREFIX = "@sluice/";

const files = globSync("{contract,service,cli,bench,stack,faults}/{src,test}/**/*.ts", { cwd: root });
const violations = findViolations(files.flatMap(importsOf));
for (const { from, to, rule } of violations) console.error(`${from} imports ${to}: ${rule}`);
console.log(`${files.length} files, ${violations.length} violations`);
process.exitCode = violations.length === 0 && files.length > 0 ? 0 : 1;

function importsOf(file: string): ImportEdge[] {
  const { module, errors } = parseSync(file, readFileSync(join(root, file), "utf8"));
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const imported = module.staticImports.map(({ moduleRequest, entries }) => ({
    specifier: moduleRequest.value,
    typesOnly: entries.length > 0 && entries.every(({ isType }) => isType),
  }));
  const reexported = module.staticExports.flatMap(({ entries }) =>
    entries.flatMap(({ moduleRequest, isType }) =>
      moduleRequest ? [{ specifier: moduleRequest.value, typesOnly: isType }] : [],
    ),
  );
  return [...imported, ...reexported].map(({ specifier, typesOnly }) => ({
    from: file,
    to: resolve(file, specifier),
    typesOnly,
  }));
}

/** The imported file's path from the root; a package keeps its name. */
function resolve(file: string, specifier: string): string {
  if (specifier.startsWith(".")) return posix.join(posix.dirname(file), specifier);
  if (!specifier.startsWith(WORKSPACE_PREFIX)) return specifier;
  const [workspace = "", ...path] = specifier.slice(WORKSPACE_PREFIX.length).split("/");
  return posix.join(workspace, "src", path.length > 0 ? path.join("/") : "index.ts");
}
