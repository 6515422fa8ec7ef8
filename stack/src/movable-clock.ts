// A clock that can be moved for a process alone: libfaketime, preloaded, adds what a file says whenever it asks for the time.
//
// Promise: the file is read anew each time, so a move counts at once and over the lives of the process; monotonic time, which
// timers go by, stays as it is. Linux only.
// Behind libfaketime the C library is named again: memory is then the C library's, because jemalloc, which Debian's Redis is
// linked to, asks for the time before libfaketime is ready, and ends the process.
import { rename, writeFile } from "node:fs/promises";
import { findClockLibrary, INSTALL_HINT } from "../../service/test/programs.ts";

const C_LIBRARY = "libc.so.6";

/** With which a process looks at the file at `path`; as long as there is none, its clock is the machine's. */
export function clockEnvironment(path: string): Readonly<Record<string, string>> {
  const library = findClockLibrary();
  if (library === null) throw new Error(`libfaketime not found. ${INSTALL_HINT}`);
  return {
    LD_PRELOAD: `${library}:${C_LIBRARY}`,
    FAKETIME_TIMESTAMP_FILE: path,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    NO_FAKE_STAT: "1",
  };
}

/** `aheadMs` of the machine's clock, not of where it was moved before; 0 brings it back. */
export async function moveClock(path: string, aheadMs: number): Promise<void> {
  const written = `${path}.new`;
  const seconds = aheadMs / 1_000;
  await writeFile(written, `${seconds < 0 ? "" : "+"}${seconds}\n`);
  // A reader finds the old text or the new one, never a half.
  await rename(written, path);
}
