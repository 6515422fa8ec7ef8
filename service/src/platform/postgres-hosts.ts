// Reads the address of a PostgreSQL that may stand on several hosts, as libpq writes it:
// postgresql://user:password@first:5432,second:5432/database?target_session_attrs=read-write
//
// The URL parser of Node knows one host only, so the list is taken apart here, into one ordinary URL for each host.
// Promise: all parts but the host are the same in every URL. Not here: which of the hosts is asked (writable-host.ts).

export type PostgresHosts = Readonly<{
  /** At least one. */
  urls: readonly URL[];
  /** Only a server that takes writes will do; otherwise the first that answers. */
  mustTakeWrites: boolean;
}>;

/** Says what is wrong and how to put it right, without the address itself: it may hold a password. */
export class PostgresUrlFault extends Error {
  readonly because: string;
  readonly fix: string;

  constructor(because: string, fix: string) {
    super(`The PostgreSQL address ${because}: ${fix}.`);
    this.because = because;
    this.fix = fix;
  }
}

const EXAMPLE = "use postgresql://user:password@host:5432/database?sslmode=verify-full";
const SEVERAL = "use postgresql://user:password@first:5432,second:5432/database?target_session_attrs=read-write";
/** Stands where no host is named: a socket folder in `host` goes before it, as it does in libpq. */
const NO_NAME = "localhost";
const PARTS = /^(?<scheme>postgres(?:ql)?:\/\/)(?<user>[^/?#]*@)?(?<hosts>[^/?#@]*)(?<rest>[/?#].*)?$/s;
const SESSION = "target_session_attrs";
const TAKES_WRITES: Readonly<Record<string, boolean>> = { any: false, "read-write": true, primary: true };
/** More would only make a search longer: a primary and its standbys are few. */
const MOST_HOSTS = 8;

/** Throws a `PostgresUrlFault`. */
export function parsePostgresUrl(text: string): PostgresHosts {
  const { scheme = "", user = "", hosts = "", rest = "" } = PARTS.exec(text)?.groups ?? {};
  if (scheme === "") throw new PostgresUrlFault("is not a PostgreSQL address", EXAMPLE);
  const names = hosts.split(",");
  if (names.length > MOST_HOSTS)
    throw new PostgresUrlFault(`names ${names.length} hosts`, `name at most ${MOST_HOSTS}`);
  if (names.length > 1 && names.includes("")) throw new PostgresUrlFault("has an empty name among its hosts", SEVERAL);
  if (new Set(names).size < names.length) throw new PostgresUrlFault("names a host twice", "name each host once");
  const urls = names.map((name) => urlOf(`${scheme}${user}${name || NO_NAME}${rest}`));
  const attributes = urls[0]?.searchParams.get(SESSION) ?? "any";
  const mustTakeWrites = Object.hasOwn(TAKES_WRITES, attributes) ? TAKES_WRITES[attributes] : undefined;
  if (mustTakeWrites === undefined) {
    throw new PostgresUrlFault(
      `asks for ${SESSION}=${attributes}`,
      `use ${Object.keys(TAKES_WRITES).join(", ")} or nothing`,
    );
  }
  // The client library would take it for a setting of its own.
  for (const url of urls) if (url.searchParams.has(SESSION)) url.searchParams.delete(SESSION);
  return { urls, mustTakeWrites };
}

function urlOf(text: string): URL {
  const url = URL.parse(text);
  if (url === null) throw new PostgresUrlFault("is not a PostgreSQL address", EXAMPLE);
  return url;
}
