// `<resource> list`: one page, or with --all every one.
import { Command, InvalidArgumentError } from "commander";
import { type Api, type ApiOptions, openApi, withApiOptions } from "../api/api.ts";
import { everyPage, type Page, readPage } from "../api/pages.ts";
import { printResult, type Terminal } from "../terminal.ts";
import { addFieldOptions } from "./field-options.ts";
import type { Resource } from "./resource.ts";
import { listRows } from "./rows.ts";

export type ListOptions = ApiOptions & Readonly<{ limit?: string; cursor?: string; all?: boolean }>;
type Query = Readonly<Record<string, string | undefined>>;

export function listCommand(terminal: Terminal, { name, path, filters, columns }: Resource): Command {
  const command = new Command("list").description(`List ${name}`);
  addFieldOptions(command, filters);
  return withApiOptions(withPageOptions(command)).action(async (options: ListOptions & Query) => {
    const query = Object.fromEntries(filters.map(({ name }) => [name, options[name]]));
    await printList(terminal, options, path, query, columns);
  });
}

export function withPageOptions(command: Command): Command {
  return command
    .option("--limit <number>", "rows of a page, 1 to 200 (default 50)", parseLimit)
    .option("--cursor <cursor>", "where the page before ended")
    .option("--all", "every page");
}

export async function printList(
  terminal: Terminal,
  options: ListOptions,
  path: string,
  query: Query,
  columns: readonly string[],
): Promise<void> {
  const { limit, cursor, all } = options;
  const api = await openApi(terminal, options);
  const page = all
    ? await readAll(terminal, api, path, { ...query, cursor })
    : await readPage(api, path, { ...query, limit, cursor });
  if (page.items.length === 0) terminal.say("There are none.");
  printResult(terminal, options.json, page, listRows(page.items, columns));
  if (page.nextCursor !== null) terminal.say(`There are more: add --cursor ${page.nextCursor}, or --all.`);
}

async function readAll(terminal: Terminal, api: Api, path: string, query: Query): Promise<Page> {
  const items: Page["items"][number][] = [];
  for await (const page of everyPage(api, path, query)) {
    items.push(...page.items);
    terminal.progress?.(`${items.length} read`);
  }
  terminal.progress?.("");
  return { items, nextCursor: null };
}

function parseLimit(text: string): string {
  if (/^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 200) return text;
  throw new InvalidArgumentError("Write a whole number from 1 to 200.");
}
