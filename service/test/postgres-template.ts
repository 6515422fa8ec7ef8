// The PostgreSQL cluster of a run of tests: made once, by whoever needs it first, and copied from then on.
//
// A copy takes a twentieth of the time. All copies have one system identifier, as a base backup of it has.
import { existsSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { runFolder } from "./run-folder.ts";

const NAME = "postgres-template";

/** The folder to copy; null where there is no run to keep it in. `make` fills a folder with it, and nobody runs it after. */
export async function templateOfRun(make: (folder: string) => Promise<void>): Promise<string | null> {
  const parent = runFolder();
  if (parent === null) return null;
  const folder = join(parent, NAME);
  if (existsSync(folder)) return folder;
  const made = await mkdtemp(`${folder}-`);
  await make(made);
  // Two test files may make one each: the first stays.
  await rename(made, folder).catch(async () => await rm(made, { recursive: true }));
  return folder;
}
