// Reads the policies kept on disk (snapshot-write.file.ts), for a start while PostgreSQL is away.
//
// Promise: believes nothing that the key does not vouch for, and gives the reason for refusing a file, so that it can be
// alarmed. The HMAC is checked over the whole file before the first row is read, in slices that do not hold the thread.
import { createHmac, timingSafeEqual } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { setImmediate as pause } from "node:timers/promises";
import type { ManagedCredential } from "../auth/service-credential.ts";
import type { Plan, Policy, Tenant } from "./policy.ts";
import type { SnapshotSource } from "./snapshot.ts";
import {
  FORMATS,
  formatOf,
  type Header,
  LAST_LINE_BYTES,
  lastLine,
  ROWS_PER_SLICE,
  type Row,
  type SnapshotFile,
} from "./snapshot-lines.ts";

const READ_BYTES = 64 * 1024;
const NEWLINE = 10;

export type ReadSnapshot =
  | Readonly<{ kind: "read"; source: SnapshotSource }>
  | Readonly<{ kind: "absent" }>
  | Readonly<{ kind: "refused"; reason: string }>;

/** A missing or refused file is an answer; only a fault of the disk throws. */
export async function readSnapshotFile({ path, key }: SnapshotFile): Promise<ReadSnapshot> {
  const file = await open(path).catch((fault: NodeJS.ErrnoException) => {
    if (fault.code === "ENOENT") return null;
    throw fault;
  });
  if (file === null) return { kind: "absent" };
  try {
    const reason = (await faultOfFormat(file)) ?? (await faultOfHmac(file, key));
    return reason === null ? { kind: "read", source: await readRows(file) } : { kind: "refused", reason };
  } finally {
    await file.close();
  }
}

/** Looked at before the HMAC, whose place another format may have changed. */
async function faultOfFormat(file: FileHandle): Promise<string | null> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, 0);
  const line = buffer.subarray(0, Math.max(0, buffer.subarray(0, bytesRead).indexOf(NEWLINE))).toString();
  const format = formatOf(line);
  if (format === null) return "its first line is not that of a snapshot file";
  const isKnown = FORMATS.some((known) => known === format);
  return isKnown ? null : `it has format ${format}, and this release reads formats ${FORMATS.join(" and ")}`;
}

async function faultOfHmac(file: FileHandle, key: string): Promise<string | null> {
  const end = await endOfRows(file);
  if (end <= 0) return "it is cut short";
  const hmac = createHmac("sha256", key);
  for await (const bytes of readUntil(file, end)) hmac.update(bytes);
  const { buffer } = await file.read(Buffer.alloc(LAST_LINE_BYTES), 0, LAST_LINE_BYTES, end);
  const expected = Buffer.from(lastLine(hmac.digest("hex")));
  if (timingSafeEqual(buffer, expected)) return null;
  const looksWhole = buffer.toString().startsWith('{"hmac":"');
  return looksWhole ? "its HMAC does not fit: it was changed, or written with another key" : "it is cut short";
}

/** Only after its HMAC was found right: the rows are as they were written. */
async function readRows(file: FileHandle): Promise<SnapshotSource> {
  const tenants: Tenant[] = [];
  const plans: Plan[] = [];
  const policies: Policy[] = [];
  const credentials: ManagedCredential[] = [];
  let header: Header | null = null;
  let unread = Buffer.alloc(0);
  for await (const bytes of readUntil(file, await endOfRows(file))) {
    unread = Buffer.concat([unread, bytes]);
    let start = 0;
    let count = 0;
    for (let at = unread.indexOf(NEWLINE); at >= 0; at = unread.indexOf(NEWLINE, start)) {
      const line: unknown = JSON.parse(unread.toString("utf8", start, at));
      start = at + 1;
      if (header === null) header = line as Header;
      else keep(line as Row);
      count++;
      if (count % ROWS_PER_SLICE === 0) await pause();
    }
    unread = unread.subarray(start);
  }
  if (header === null) throw new Error("A snapshot file without a header has passed its checks.");
  return { version: header.version, tenants, plans, policies, credentials };

  function keep(row: Row): void {
    if ("tenant" in row) tenants.push(row.tenant);
    else if ("plan" in row) plans.push(row.plan);
    else if ("policy" in row) policies.push(row.policy);
    else credentials.push(row.credential);
  }
}

async function endOfRows(file: FileHandle): Promise<number> {
  return (await file.stat()).size - LAST_LINE_BYTES;
}

async function* readUntil(file: FileHandle, end: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < end; ) {
    const length = Math.min(READ_BYTES, end - at);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}
