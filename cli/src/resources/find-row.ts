// Finds the row that a person means: by what its path names it by, or by its other unique field, such as a policy's name.
import type { Api } from "../api/api.ts";
import { everyPage } from "../api/pages.ts";
import { CommandFailure, EXIT } from "../exit-codes.ts";
import type { Resource } from "./resource.ts";
import type { Item } from "./rows.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export async function findRow(api: Api, resource: Resource, given: string): Promise<Item> {
  const { path, id, alias, hasRows, one, name } = resource;
  if (hasRows && (alias === undefined || UUID.test(given))) {
    return (await api.ask({ path: rowPath(resource, given) })).body as Item;
  }
  for await (const { items } of everyPage(api, path)) {
    const found = items.find((item) => item[id] === given || (alias !== undefined && item[alias] === given));
    if (found !== undefined) return found;
  }
  throw new CommandFailure(EXIT.notFound, `There is no ${one} ${given}. See \`sluice ${name} list\`.`);
}

export function rowPath({ path }: Resource, id: string): string {
  return `${path}/${encodeURIComponent(id)}`;
}
