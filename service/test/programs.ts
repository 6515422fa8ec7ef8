// Finds the programs that tests run: in PATH, and where packages put servers that they keep out of PATH.
import { accessSync, constants, existsSync, globSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

export const INSTALL_HINT = "Install it, or run `npm test` as root on Debian or Ubuntu, which does.";

/** The full path of a program given by name or path, or null when this machine does not have it. */
export function findProgram(name: string): string | null {
  if (name.includes("/")) return isExecutable(name) ? name : null;
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin"];
  for (const folder of folders) {
    const path = join(folder, name);
    if (folder !== "" && isExecutable(path)) return path;
  }
  return null;
}

/** The full path of a program that a test cannot do without. */
export function requireProgram(name: string): string {
  const path = findProgram(name);
  if (path === null) throw new Error(`${name} not found. ${INSTALL_HINT}`);
  return path;
}

/** The folder of `postgres` and `initdb`, newest version first, or null. Debian keeps them out of PATH. */
export function findPostgresFolder(): string | null {
  const parent = "/usr/lib/postgresql";
  const versions = existsSync(parent) ? readdirSync(parent).sort((a, b) => Number(b) - Number(a)) : [];
  for (const version of versions) {
    const folder = join(parent, version, "bin");
    if (isExecutable(join(folder, "postgres"))) return folder;
  }
  const onPath = findProgram("postgres");
  return onPath === null ? null : join(onPath, "..");
}

const CLOCK_LIBRARIES = ["/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib64/faketime/libfaketimeMT.so.1"];

/** The library of libfaketime for programs with threads, or null. No loader finds it by its name. */
export function findClockLibrary(): string | null {
  return globSync(CLOCK_LIBRARIES).at(0) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
