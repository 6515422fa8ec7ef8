import fc from "fast-check";
import { expect, test } from "vitest";
import { PostgresUrlFault, parsePostgresUrl } from "./postgres-hosts.ts";

const hrefs = (text: string) => parsePostgresUrl(text).urls.map(({ href }) => href);

test("an address of one host stays as it is, and any server will do", () => {
  const url = "postgresql://user:pw@db:5432/sluice?sslmode=verify-full&sslrootcert=%2Fca.crt";
  expect(parsePostgresUrl(url)).toEqual({ urls: [new URL(url)], mustTakeWrites: false });
});

test("each host of a list gets an address of its own, alike in everything else", () => {
  const url =
    "postgresql://user:p%40w@first:5001,second:5002,[::1]:5003/sluice?sslmode=verify-full&target_session_attrs=";
  expect(parsePostgresUrl(`${url}read-write`).mustTakeWrites).toBe(true);
  expect(parsePostgresUrl(`${url}any`).mustTakeWrites).toBe(false);
  expect(hrefs(`${url}primary`)).toEqual([
    "postgresql://user:p%40w@first:5001/sluice?sslmode=verify-full",
    "postgresql://user:p%40w@second:5002/sluice?sslmode=verify-full",
    "postgresql://user:p%40w@[::1]:5003/sluice?sslmode=verify-full",
  ]);
});

test("an address of a socket needs no host", () => {
  expect(hrefs("postgres://postgres@/database?host=/var/run")).toEqual([
    "postgres://postgres@localhost/database?host=/var/run",
  ]);
});

test.each([
  ["mysql://db/sluice", "is not a PostgreSQL address"],
  ["postgres://db:70000/sluice", "is not a PostgreSQL address"],
  ["postgres://first,,second/sluice", "has an empty name among its hosts"],
  ["postgres://first,second,first/sluice", "names a host twice"],
  ["postgres://a,b,c,d,e,f,g,h,i/sluice", "names 9 hosts"],
  ["postgres://db/sluice?target_session_attrs=standby", "asks for target_session_attrs=standby"],
  ["postgres://db/sluice?target_session_attrs=toString", "asks for target_session_attrs=toString"],
])("%s %s", (text, because) => {
  expect(() => parsePostgresUrl(text)).toThrow(because);
});

test("what is wrong is said without the address, which may hold a password", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        parsePostgresUrl(`postgres://user:kept-secret@${text}`);
      } catch (fault) {
        expect(fault).toBeInstanceOf(PostgresUrlFault);
        expect(String(fault)).not.toContain("kept-secret");
      }
    }),
    { seed: 1, numRuns: 500 },
  );
});
