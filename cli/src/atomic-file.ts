// Writes a file whole or not at all: readers see the old text or the new one, also after a power failure.
import { open, rename, rm } from "node:fs/promises";

/** `mode` is the file's from its first byte on. */
export async function writeAtomically(path: string, text: string, mode: number): Promise<void> {
  const draft = `${path}.${process.pid}.${performance.now()}.draft`;
  try {
    const file = await open(draft, "wx", mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (fault) {
    await rm(draft, { force: true });
    throw fault;
  }
}
