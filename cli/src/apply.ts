// `sluice apply` and `sluice export`: plans, tenants and policies as a file (docs/cli.md, product's "Policy as code").
// A file is parsed here as the service parses it, so that every fault has its line; the service decides the rest.
import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import type { PolicySetApplied } from "@sluice/contract";
import { Command } from "commander";
import type Type from "typebox";
import { type ApiOptions, openApi, withApiOptions } from "./api/api.ts";
import { writeAtomically } from "./atomic-file.ts";
import { CommandFailure, EXIT } from "./exit-codes.ts";
import { printResult, type Terminal } from "./terminal.ts";
import { sayWarnings } from "./warnings.ts";

type Applied = Type.Static<typeof PolicySetApplied>;
type Document = Readonly<Record<string, unknown>>;

/** The same as the service's: an anchor used more often is a bomb. */
const MAX_ALIASES = 1_000;
const READABLE = 0o644;

export function applyCommand(terminal: Terminal): Command {
  const command = new Command("apply")
    .description("Make the stored plans, tenants and policies what a file says")
    .argument("<file>", "YAML or JSON; - reads stdin")
    .option("--dry-run", "only tell what would change")
    .option("--prune", "delete what the file does not hold (overrides stay)")
    .action(async (file: string, options: ApiOptions & Readonly<{ dryRun?: boolean; prune?: boolean }>) => {
      const document = await readDocument(file);
      const api = await openApi(terminal, options);
      terminal.progress?.("The service compares and applies the file");
      const query = { dryRun: options.dryRun ? "true" : undefined, prune: options.prune ? "true" : undefined };
      const { body } = await api
        .ask({ method: "POST", path: "/admin/policy-set", query, body: document })
        .finally(() => terminal.progress?.(""));
      const applied = body as Applied;
      printResult(terminal, options.json, applied, rowsOf(applied));
      sayWarnings(terminal, applied.warnings, (pointer) => nameAt(document, pointer));
      terminal.say(summaryOf(applied));
    });
  return withApiOptions(command);
}

export function exportCommand(terminal: Terminal): Command {
  const command = new Command("export")
    .description("Write the stored plans, tenants and policies as a file that `apply` reads (YAML; --json: JSON)")
    .option("--out <file>", "into this file instead of stdout")
    .action(async (options: ApiOptions & Readonly<{ out?: string }>) => {
      const api = await openApi(terminal, options);
      const { body } = await api.ask({ path: "/admin/policy-set" });
      const { stringify } = await import("yaml");
      const text = options.json ? JSON.stringify(body, null, 2) : stringify(body, { lineWidth: 0 }).trimEnd();
      if (options.out === undefined) {
        terminal.print(text);
        return;
      }
      await writeAtomically(options.out, `${text}\n`, READABLE).catch((fault: unknown) => {
        throw new CommandFailure(EXIT.failed, `The file cannot be written: ${(fault as Error).message}`);
      });
      terminal.say(`Written to ${options.out}.`);
    });
  return withApiOptions(command);
}

async function readDocument(file: string): Promise<Document> {
  const text = await (file === "-" ? readAll(process.stdin) : readFile(file, "utf8")).catch((fault: unknown) => {
    throw new CommandFailure(EXIT.usage, `The file cannot be read: ${(fault as Error).message}`);
  });
  // Imported only now: other commands start faster without them.
  const { describeFault, parsePolicyFile } = await import("@sluice/service/policies/policy-file.ts");
  const parsed = parsePolicyFile(text);
  if (parsed.kind === "faulty") {
    const faults = parsed.faults.map((fault) => `  ${describeFault(file, fault)}`);
    throw new CommandFailure(EXIT.usage, `The file is faulty, and nothing was changed.\n${faults.join("\n")}`);
  }
  const { parse } = await import("yaml");
  return parse(text, { maxAliasCount: MAX_ALIASES }) as Document;
}

function rowsOf({ changes }: Applied) {
  return changes.length === 0 ? [{ act: "nothing" }] : changes.map(({ act, kind, key }) => ({ act, kind, key }));
}

function summaryOf({ dryRun, changes, unchanged }: Applied): string {
  const count = changes.length === 1 ? "1 change" : `${changes.length} changes`;
  const rest = `${unchanged} unchanged`;
  if (changes.length === 0) return `Nothing to change, ${rest}.`;
  return dryRun ? `${count} would be made, ${rest}. Nothing was changed.` : `${count} made, ${rest}.`;
}

/** The name of the row that a pointer such as /apiPolicies/3/limits points into. */
function nameAt(document: Document, pointer: string): string | null {
  const [, list = "", index = ""] = pointer.split("/");
  const rows = document[list];
  const row = Array.isArray(rows) ? (rows[Number(index)] as Document | undefined) : undefined;
  const name = row?.name ?? row?.id;
  return typeof name === "string" ? name : null;
}
