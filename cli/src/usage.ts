// `sluice usage daily|monthly`: what tenants used, as pages of rows, or with --csv as one stream for a spreadsheet.
import { Command, Option } from "commander";
import { openApi, withApiOptions } from "./api/api.ts";
import { type ListOptions, printList, withPageOptions } from "./resources/list-command.ts";
import type { Terminal } from "./terminal.ts";

type Options = ListOptions &
  Readonly<{
    tenant?: string;
    user?: string;
    api?: string;
    from?: string;
    to?: string;
    groupBy?: string;
    csv?: boolean;
  }>;

const COLUMNS = ["period", "tenantId", "userId", "api", "total", "denied"];

export function usageCommand(terminal: Terminal): Command {
  return new Command("usage")
    .description("What tenants used, in the dates of their time zone")
    .addCommand(periodCommand(terminal, "daily", "date", "the last 30 days"))
    .addCommand(periodCommand(terminal, "monthly", "month", "the last 12 months"));
}

function periodCommand(terminal: Terminal, name: "daily" | "monthly", word: string, usual: string): Command {
  const example = name === "daily" ? "2026-11-22" : "2026-11";
  const command = new Command(name)
    .description(`Usage by ${word} (default: ${usual})`)
    .option("--tenant <id>", "only of this tenant")
    .option("--user <id>", "only of this user")
    .option("--api <name>", "only of this API")
    .option(`--from <${word}>`, `the first, such as ${example}`)
    .option(`--to <${word}>`, "the last")
    .addOption(new Option("--group-by <what>", "a row for each").choices(["tenant", "user", "api"]))
    .option("--csv", "every row as CSV, for a spreadsheet");
  return withApiOptions(withPageOptions(command)).action(async (options: Options) => {
    const { tenant, user, api, from, to, groupBy } = options;
    const path = `/admin/usage/${name}`;
    const query = { tenant, user, api, from, to, groupBy };
    if (options.csv) await streamCsv(terminal, options, path, query);
    else await printList(terminal, options, path, query, COLUMNS);
  });
}

async function streamCsv(
  terminal: Terminal,
  options: Options,
  path: string,
  query: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const api = await openApi(terminal, options);
  // On one terminal the rows themselves show how far it is.
  const progress = terminal.wantsTables ? null : terminal.progress;
  let characters = 0;
  for await (const chunk of api.stream({ path, query: { ...query, format: "csv" } })) {
    await terminal.write(chunk);
    characters += chunk.length;
    progress?.(`${Math.ceil(characters / 1_024)} KiB`);
  }
  progress?.("");
}
