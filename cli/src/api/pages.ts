// A list of the Admin API, page after page.
import type { Api } from "./api.ts";

export type Page = Readonly<{ items: readonly Readonly<Record<string, unknown>>[]; nextCursor: string | null }>;
type Query = Readonly<Record<string, string | undefined>>;

/** The greatest page that the service answers. */
const LARGEST_PAGE = "200";

export async function readPage(api: Api, path: string, query: Query): Promise<Page> {
  return (await api.ask({ path, query })).body as Page;
}

export async function* everyPage(api: Api, path: string, query: Query = {}): AsyncGenerator<Page> {
  for (let cursor = query.cursor; ; ) {
    const page = await readPage(api, path, { ...query, limit: LARGEST_PAGE, cursor });
    yield page;
    if (page.nextCursor === null) return;
    cursor = page.nextCursor;
  }
}
