// A disk of its own for the data of one server, small enough to be filled: a tmpfs on its folder.
//
// Promise: unmounted with this process, after `unmount` or without it; what is on it is gone then.
// Known gap: a SIGKILL of this process leaves the mount until somebody unmounts it. Linux only, and only as root.
import { execFileSync } from "node:child_process";
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { requireProgram } from "../../service/test/programs.ts";

export type SmallDisk = Readonly<{
  /** Takes the last free byte. */
  fill: () => Promise<void>;
  /** Gives back what `fill` took. */
  free: () => Promise<void>;
  unmount: () => Promise<void>;
}>;

const FILLER = "filler";
const CHUNK = Buffer.alloc(64 * 1024);

/** `folder` is made when it is missing; what it held is out of sight until the disk is unmounted. */
export async function mountSmallDisk(folder: string, sizeMiB: number): Promise<SmallDisk> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    throw new Error("A disk that can be filled is a tmpfs, which only root mounts, on Linux: run this as root there.");
  }
  await mkdir(folder, { recursive: true });
  execFileSync(requireProgram("mount"), [
    "-t",
    "tmpfs",
    "-o",
    `size=${sizeMiB}m,mode=0755`,
    "sluice-small-disk",
    folder,
  ]);
  // Lazily: at the end of this process a server may still be on its way out.
  const unmountNow = () => void execFileSync(requireProgram("umount"), ["--lazy", folder], { stdio: "pipe" });
  process.once("exit", unmountNow);
  const filler = join(folder, FILLER);
  return {
    fill: () => fill(filler),
    free: () => rm(filler, { force: true }),
    unmount: async () => {
      process.removeListener("exit", unmountNow);
      unmountNow();
    },
  };
}

/** A write that no longer fits is cut short, and the one after it refused. */
async function fill(path: string): Promise<void> {
  const file = await open(path, "a");
  try {
    while (await isWritten(file)) {
      // As long as anything fits.
    }
  } finally {
    await file.close();
  }
}

async function isWritten(file: FileHandle): Promise<boolean> {
  try {
    return (await file.write(CHUNK)).bytesWritten > 0;
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === "ENOSPC") return false;
    throw fault;
  }
}
