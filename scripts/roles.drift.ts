// docs/roles.md is printed from the table of access and the routes that are served. Without a word it compares; with
// --write it writes. An action that no route needs is a fault.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ACCESS, type Access, type Action } from "../service/src/admin/access.ts";
import { releasedRoutes } from "../service/src/openapi-document.ts";

const path = join(import.meta.dirname, "../docs/roles.md");
const ROLES = ["ADMIN", "OPERATOR", "VIEWER"] as const;
const BOUND: Readonly<Record<Access["tenants"], string>> = { all: "no", own: "their own", shared: "yes" };

const ABOUT = `# Who may do what

Every route of the Admin API names one action of \`service/src/admin/access.ts\`; a route without one does not compile. This
page is printed from that table and from the routes (\`scripts/roles.drift.ts\`), and every cell is a test
(\`service/src/admin-routes.test.ts\`).

- **ADMIN** may do everything. **OPERATOR** runs tenants, policies, overrides and resets. **VIEWER** reads.
- A user may be **bound to tenants**. "their own": the action touches one tenant, which must be one of theirs, and lists show
  no others; what belongs to other tenants is answered as if it did not exist. "no": the action touches what belongs to no
  single tenant. "yes": what it shows is for everyone who may read at all.
- Signing in and refreshing need no role. Checks are asked with a service credential or a client certificate, not by users.`;

const routes = Map.groupBy(
  releasedRoutes().filter(({ access }) => access.kind === "user"),
  ({ access }) => (access.kind === "user" ? access.action : null),
);
const made = `${ABOUT}\n\n${table([
  ["action", ...ROLES, "bound to tenants", "routes"],
  ...(Object.keys(ACCESS) as Action[]).map(rowOf),
])}\n`;

const faults = (Object.keys(ACCESS) as Action[])
  .filter((action) => !routes.has(action))
  .map((action) => `no route needs the action ${action}`);
if (process.argv.includes("--write")) writeFileSync(path, made);
else if (readFileSync(path, "utf8") !== made) {
  faults.push("it is not what the table of access and the routes say: run scripts/roles.drift.ts --write");
}
for (const fault of faults) console.error(`docs/roles.md: ${fault}`);
process.exitCode = faults.length === 0 ? 0 : 1;

function rowOf(action: Action): string[] {
  const { roles, tenants }: Access = ACCESS[action];
  const asked = routes.get(action) ?? [];
  const cells = ROLES.map((role) => (roles.includes(role) ? "yes" : "no"));
  return [
    `\`${action}\``,
    ...cells,
    BOUND[tenants],
    asked.map(({ method, path }) => `\`${method} ${path}\``).join("<br>"),
  ];
}

/** Aligned, as the formatter of the project wants it. */
function table(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lineOf = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  return [lineOf(head), lineOf(widths.map((width) => "-".repeat(width))), ...rows.slice(1).map(lineOf)].join("\n");
}
