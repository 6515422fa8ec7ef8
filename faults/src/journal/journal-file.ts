// The journal as a file. Lines are gathered in memory and written in pieces, for a write per request would make stalls.
//
// Promise: after `close` the file holds every line; a fault of the disk is thrown there and not lost.
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { finished } from "node:stream/promises";
import { type Journal, type JournalLine, lineOf, parseJournal } from "./entry.ts";

const WRITE_EVERY_MS = 200;

export type JournalFile = Readonly<{
  append: (line: JournalLine) => void;
  close: () => Promise<void>;
}>;

export function createJournalFile(path: string): JournalFile {
  const stream = createWriteStream(path);
  const ended = finished(stream);
  ended.catch(() => undefined); // thrown by `close`
  let pending: string[] = [];
  const flush = () => {
    if (pending.length > 0) stream.write(pending.join(""));
    pending = [];
  };
  const timer = setInterval(flush, WRITE_EVERY_MS);
  return {
    append: (line) => pending.push(lineOf(line)),
    close: async () => {
      clearInterval(timer);
      flush();
      stream.end();
      await ended;
    },
  };
}

export async function readJournalFile(path: string): Promise<Journal> {
  return parseJournal(await readFile(path, "utf8"));
}
