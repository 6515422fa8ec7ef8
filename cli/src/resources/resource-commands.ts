// The commands of one resource, made from its entry in the table (resources.ts).
// Every change names the row's ETag: the one given, or that of the row as it is now, so a change that someone else makes
// between the two is refused and not lost.
import type { Warning } from "@sluice/contract";
import { Command } from "commander";
import { type ApiOptions, type Ask, openApi, withApiOptions } from "../api/api.ts";
import { CommandFailure, EXIT } from "../exit-codes.ts";
import { printResult, type Terminal } from "../terminal.ts";
import { sayWarnings } from "../warnings.ts";
import { optionName } from "./field.ts";
import { addFieldOptions, type Body, readBody } from "./field-options.ts";
import { findRow, rowPath } from "./find-row.ts";
import { repeatable, withRepeatOption } from "./idempotency.ts";
import { listCommand } from "./list-command.ts";
import type { Act, Resource } from "./resource.ts";
import { type Item, itemRows } from "./rows.ts";

type Options = ApiOptions & Readonly<{ etag?: string; idempotencyKey?: string }> & Readonly<Record<string, unknown>>;

export function resourceCommand(terminal: Terminal, resource: Resource): Command {
  const command = new Command(resource.name).alias(resource.one).description(resource.about);
  command.addCommand(listCommand(terminal, resource));
  if (resource.hasRows) command.addCommand(getCommand(terminal, resource));
  if (resource.create) command.addCommand(createCommand(terminal, resource, resource.create));
  if (resource.update) command.addCommand(updateCommand(terminal, resource, resource.update));
  for (const act of resource.acts ?? []) command.addCommand(actCommand(terminal, resource, act));
  if (resource.remove) command.addCommand(removeCommand(terminal, resource, resource.remove));
  return command;
}

function getCommand(terminal: Terminal, resource: Resource): Command {
  const command = new Command("get").description(`Show one ${resource.one}`).argument(rowArgument(resource));
  return withApiOptions(command).action(async (given: string, options: Options) => {
    const item = await findRow(await openApi(terminal, options), resource, given);
    printResult(terminal, options.json, item, itemRows(item));
  });
}

function createCommand(terminal: Terminal, resource: Resource, create: NonNullable<Resource["create"]>): Command {
  const { key, fields, instead } = create;
  const command = new Command("create").description(`Create one ${resource.one}`).argument(`<${optionName(key)}>`);
  addFieldOptions(command, fields);
  instead?.addOptions(command);
  return withApiOptions(withRepeatOption(command)).action(async (given: string, options: Options) => {
    if (instead?.isWanted(options)) {
      printItem(terminal, options, await instead.act(terminal, given, options));
      return;
    }
    const body = { [key]: given, ...(await readBody(terminal, fields, options, "new")) };
    const api = await openApi(terminal, options);
    const ask: Ask = { method: "POST", path: resource.path, body };
    printItem(terminal, options, (await repeatable(api, ask, options.idempotencyKey)).body);
  });
}

function updateCommand(terminal: Terminal, resource: Resource, update: NonNullable<Resource["update"]>): Command {
  const { method, fields } = update;
  const command = new Command("update")
    .description(`Change one ${resource.one}; what is not given stays`)
    .argument(rowArgument(resource));
  addFieldOptions(command, fields);
  return withApiOptions(withEtagOption(command)).action(async (given: string, options: Options) => {
    const changes = await readBody(terminal, fields, options, "change");
    if (Object.keys(changes).length === 0) {
      throw new CommandFailure(EXIT.usage, "There is nothing to change: give at least one option.");
    }
    const api = await openApi(terminal, options);
    const row = await findRow(api, resource, given);
    const body = method === "PATCH" ? changes : replacement(row, changes, update);
    const path = rowPath(resource, String(row[resource.id]));
    printItem(terminal, options, (await api.ask({ method, path, body, headers: ifMatch(row, options) })).body);
  });
}

/** The row with the changes in it; of limits, each by itself. */
function replacement(row: Item, changes: Body, { fields }: NonNullable<Resource["update"]>): Body {
  const current = Object.fromEntries(fields.map(({ name }) => [name, row[name]]));
  const limits =
    changes.limits === undefined ? {} : { limits: { ...(row.limits as Body), ...(changes.limits as Body) } };
  return { ...current, ...changes, ...limits };
}

function actCommand(terminal: Terminal, resource: Resource, act: Act): Command {
  const { word, about, method, path, argument, fields, needsEtag } = act;
  const command = new Command(word).description(about).argument(rowArgument(resource));
  if (argument !== undefined) command.argument(`<${optionName(argument.name)}>`, argument.about);
  addFieldOptions(command, fields);
  if (needsEtag) withEtagOption(command);
  if (method === "POST") withRepeatOption(command);
  const run = async (given: string, value: string, options: Options) => {
    const fieldsBody = await readBody(terminal, fields, options, "new");
    const api = await openApi(terminal, options);
    const row =
      needsEtag || resource.alias !== undefined ? await findRow(api, resource, given) : { [resource.id]: given };
    const isInPath = path.includes("{}");
    const body = argument === undefined || isInPath ? fieldsBody : { [argument.name]: value, ...fieldsBody };
    const ask: Ask = {
      method,
      path: rowPath(resource, String(row[resource.id])) + path.replace("{}", encodeURIComponent(value)),
      ...(method !== "DELETE" && { body }),
      ...(needsEtag && { headers: ifMatch(row, options) }),
    };
    const answer = method === "POST" ? await repeatable(api, ask, options.idempotencyKey) : await api.ask(ask);
    printItem(terminal, options, answer.body);
  };
  return withApiOptions(command).action(
    argument === undefined
      ? (given: string, options: Options) => run(given, "", options)
      : (given: string, value: string, options: Options) => run(given, value, options),
  );
}

function removeCommand(terminal: Terminal, resource: Resource, remove: NonNullable<Resource["remove"]>): Command {
  const { word, about, needsEtag } = remove;
  const command = new Command(word).description(about).argument(rowArgument(resource));
  if (needsEtag) withEtagOption(command);
  return withApiOptions(command).action(async (given: string, options: Options) => {
    const api = await openApi(terminal, options);
    const row = await findRow(api, resource, given);
    const path = rowPath(resource, String(row[resource.id]));
    const { body } = await api.ask({ method: "DELETE", path, ...(needsEtag && { headers: ifMatch(row, options) }) });
    if (body !== null) printItem(terminal, options, body);
    terminal.say(`${resource.one} ${given}: ${word}d`);
  });
}

function withEtagOption(command: Command): Command {
  return command.option("--etag <etag>", "refuse unless the row is still this one (default: as it is now)");
}

function ifMatch(row: Item, { etag }: Options): Readonly<Record<string, string>> {
  return { "if-match": `"${etag ?? String(row.etag)}"` };
}

function rowArgument({ id, alias }: Resource): string {
  return `<${optionName(alias ?? id)}${alias === undefined ? "" : `|${id}`}>`;
}

/** The item; what the service remarks on it is talk. */
function printItem(terminal: Terminal, options: ApiOptions, body: unknown): void {
  const { warnings = [], ...item } = body as Item & { warnings?: readonly Warning[] };
  printResult(terminal, options.json, body, itemRows(item));
  sayWarnings(terminal, warnings);
  if ("secret" in item) terminal.say("Keep the secret: it is shown this once.");
}
