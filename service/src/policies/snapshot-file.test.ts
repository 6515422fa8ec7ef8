import { createHmac } from "node:crypto";
import { appendFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { free, policy, pro } from "../../test/policies.ts";
import type { ManagedCredential } from "../auth/service-credential.ts";
import type { Policy, Tenant } from "./policy.ts";
import type { SnapshotSource } from "./snapshot.ts";
import { compileSnapshot } from "./snapshot-compile.ts";
import type { CompiledSnapshot } from "./snapshot-compiled.ts";
import { keepSnapshotFile } from "./snapshot-file.sync.ts";
import { readSnapshotFile } from "./snapshot-read.file.ts";
import { writeSnapshotFile } from "./snapshot-write.file.ts";

const KEY = "a key that is long enough for a test";

let folder: string;
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-snapshot-"));
});
afterAll(() => rm(folder, { recursive: true }));

function newFile() {
  files++;
  return { path: join(folder, `snapshot-${files}`), key: KEY };
}

/** More rows than a slice and than a read holds, with names that are not ASCII across every border. */
const gateway: ManagedCredential = {
  ...{ id: "c-1", tenants: ["t-1", "t-2"], expiresAtMs: 5, sha256: "ab12" },
  previous: { sha256: "cd34", untilMs: 3 },
};

function source(version = 7, tenantCount = 1_001): SnapshotSource {
  const { reason: _, ...row } = policy({ name: "수출-📦-export", apiPattern: "/%EC%88%98/**" });
  const policies: Policy[] = [{ id: "p-1", ...row, validity: { validFromMs: 1, validUntilMs: 2 } }];
  const tenants = Array.from({ length: tenantCount }, (_, n): Tenant => {
    const nextPlan = n % 2 === 0 ? null : { plan: "PRO", atMs: n };
    return { id: `t-${n}`, plan: "FREE", status: "ACTIVE", timeZone: "Asia/Seoul", nextPlan };
  });
  const stamp = { systemId: "7711095836020146218", timeline: 2, version };
  const credentials = [gateway, { ...gateway, id: "c-2", tenants: null, expiresAtMs: null, previous: null }];
  return { version: stamp, tenants, plans: [free, pro], policies, credentials };
}

async function written(): Promise<ReturnType<typeof newFile>> {
  const file = newFile();
  await writeSnapshotFile(file, source());
  return file;
}

test("what was written is read, row by row", async () => {
  const file = await written();
  expect(await readSnapshotFile(file)).toEqual({ kind: "read", source: source() });
});

test("a policy set without rows is a snapshot too", async () => {
  const file = newFile();
  const empty = { version: source().version, tenants: [], plans: [], policies: [], credentials: [] };
  await writeSnapshotFile(file, empty);
  expect(await readSnapshotFile(file)).toEqual({ kind: "read", source: empty });
});

test("the file is for its owner only, and no draft is left beside it", async () => {
  const { path } = await written();
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await readdir(folder)).filter((name) => name.includes("draft"))).toEqual([]);
});

test("a failing write leaves the file before it as it was", async () => {
  const file = await written();
  function* failing(): Generator<Tenant> {
    yield* source().tenants;
    throw new Error("the rows broke off");
  }
  await expect(writeSnapshotFile(file, { ...source(8), tenants: failing() })).rejects.toThrow("the rows broke off");
  expect(await readSnapshotFile(file)).toEqual({ kind: "read", source: source(7) });
  expect((await readdir(folder)).filter((name) => name.includes("draft"))).toEqual([]);
});

test("a missing file is no fault", async () => {
  expect(await readSnapshotFile(newFile())).toEqual({ kind: "absent" });
});

test("another key, one changed bit and one added row are refused: the HMAC does not fit", async () => {
  const refused = { kind: "refused", reason: expect.stringContaining("HMAC does not fit") };
  const file = await written();
  expect(await readSnapshotFile({ ...file, key: "another key" })).toEqual(refused);

  const bytes = await readFile(file.path);
  const at = bytes.indexOf("FREE");
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(file.path, bytes);
  expect(await readSnapshotFile(file)).toEqual(refused);

  const longer = await written();
  const text = await readFile(longer.path, "utf8");
  await writeFile(longer.path, text.replace('{"hmac"', '{"plan":{"name":"FREE","limits":{}}}\n{"hmac"'));
  expect(await readSnapshotFile(longer)).toEqual(refused);
});

test("a file cut short anywhere is refused", async () => {
  const { size } = await stat((await written()).path);
  for (const length of [size - 1, size - 10, size - 100, Math.floor(size / 2), 40, 1, 0]) {
    const file = await written();
    await truncate(file.path, length);
    expect(await readSnapshotFile(file), `${length} bytes`).toMatchObject({ kind: "refused" });
  }
  const grown = await written();
  await appendFile(grown.path, "\n");
  expect(await readSnapshotFile(grown)).toMatchObject({
    kind: "refused",
    reason: expect.stringContaining("cut short"),
  });
});

/** As the release before wrote it, byte for byte but for the key. */
test("a file of format 1 is read: it knows of no credentials", async () => {
  const file = newFile();
  const lines = [
    '{"format":1,"version":{"systemId":"7711095836020146218","timeline":2,"version":7}}',
    '{"tenant":{"id":"t-0","plan":"FREE","status":"ACTIVE","timeZone":"UTC","nextPlan":null}}',
    '{"plan":{"name":"FREE","limits":{"perSecond":20,"perMinute":200}}}',
  ];
  const text = `${lines.join("\n")}\n`;
  const hmac = createHmac("sha256", KEY).update(text).digest("hex");
  await writeFile(file.path, `${text}{"hmac":"${hmac}"}\n`);
  const { version, tenants } = source(7, 1);
  const old = { version, tenants: [...tenants].map((row) => ({ ...row, timeZone: "UTC" })), plans: [free] };
  expect(await readSnapshotFile(file)).toEqual({ kind: "read", source: { ...old, policies: [], credentials: [] } });
});

test("until there is a credential the file is one that the release before reads", async () => {
  const formatOf = async (credentials: readonly ManagedCredential[]) => {
    const file = newFile();
    await writeSnapshotFile(file, { ...source(7, 1), credentials });
    const [header = ""] = (await readFile(file.path, "utf8")).split("\n");
    return (JSON.parse(header) as { format: number }).format;
  };
  expect([await formatOf([]), await formatOf([gateway])]).toEqual([1, 2]);
});

test("a file of another format is refused by its number, whatever its end looks like", async () => {
  const file = newFile();
  await writeFile(file.path, '{"format":3,"version":{}}\nsomething newer');
  expect(await readSnapshotFile(file)).toEqual({
    kind: "refused",
    reason: "it has format 3, and this release reads formats 1 and 2",
  });
  await writeFile(file.path, "not a snapshot\nat all");
  expect(await readSnapshotFile(file)).toMatchObject({
    kind: "refused",
    reason: expect.stringContaining("first line"),
  });
});

test("changes that come while a write is under way end in one file of the last of them", async () => {
  const file = newFile();
  const listeners = new Set<(snapshot: CompiledSnapshot) => void>();
  const onChange = (listener: (snapshot: CompiledSnapshot) => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const keeper = keepSnapshotFile({ onChange }, file, (fault) => expect.unreachable(String(fault)));
  for (const version of [1, 2, 3]) {
    const snapshot = await compileSnapshot(source(version, 5), async () => undefined);
    for (const listener of listeners) listener(snapshot);
  }
  await keeper.close();
  expect(listeners.size).toBe(0);
  expect(await readSnapshotFile(file)).toMatchObject({ kind: "read", source: { version: { version: 3 } } });
});
