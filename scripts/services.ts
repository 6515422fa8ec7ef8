// Makes sure that the real programs which tests talk to are on this machine: redis-server, PostgreSQL, HAProxy, a browser.
//
// Quiet when they are. Where it may (Debian or Ubuntu, as root) it installs what is missing, and lets no package start a
// service: tests start private servers on ports of their own. Elsewhere it only says what is missing.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { findClockLibrary, findPostgresFolder, findProgram } from "../service/test/programs.ts";

type Server = Readonly<{ name: string; packages: readonly string[]; isHere: () => boolean }>;

const SERVERS: readonly Server[] = [
  { name: "redis-server", packages: ["redis-server"], isHere: () => findProgram("redis-server") !== null },
  {
    name: "postgres",
    packages: ["postgresql", "postgresql-contrib"],
    isHere: () => findPostgresFolder() !== null,
  },
  {
    name: "pg_autoctl",
    packages: ["pg-auto-failover-cli", "postgresql-15-auto-failover"],
    isHere: () => findProgram("pg_autoctl") !== null,
  },
  { name: "haproxy", packages: ["haproxy"], isHere: () => findProgram("haproxy") !== null },
  // Network namespaces and slow lines, for rehearsing faults.
  { name: "ip", packages: ["iproute2"], isHere: () => findProgram("ip") !== null },
  // Other clocks for Redis.
  { name: "libfaketime", packages: ["libfaketime"], isHere: () => findClockLibrary() !== null },
  { name: "openssl", packages: ["openssl"], isHere: () => findProgram("openssl") !== null },
  { name: "chromium", packages: ["chromium"], isHere: () => findProgram("chromium") !== null },
];

/** Installs what is missing where that is possible, and returns the names of what is missing still. */
export function ensureServices(): string[] {
  const missing = SERVERS.filter((server) => !server.isHere());
  if (missing.length === 0) return [];
  const aptGet = findProgram("apt-get");
  if (aptGet !== null && process.getuid?.() === 0) install(aptGet, missing);
  return missing.filter((server) => !server.isHere()).map((server) => server.name);
}

function install(aptGet: string, missing: readonly Server[]): void {
  const names = missing.flatMap(({ packages }) => packages).join(", ");
  console.error(`sluice: installing ${names} by apt-get (first run only) ...`);
  const run = (...words: string[]) =>
    spawnSync(aptGet, ["-qq", ...words], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdio: ["ignore", "ignore", "inherit"],
    });
  withoutServiceStarts(() => {
    // A failed update is no reason to stop: the package may be known from an earlier one.
    run("update");
    // One after another: apt-get installs nothing of a list in which it does not know one name.
    for (const { packages } of missing) run("-y", "--no-install-recommends", "install", ...packages);
  });
}

/** Debian's packages ask this program before they start anything; 101 means "forbidden". */
const POLICY_FILE = "/usr/sbin/policy-rc.d";

function withoutServiceStarts(action: () => void): void {
  const isOurs = !existsSync(POLICY_FILE);
  if (isOurs) writeFileSync(POLICY_FILE, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    action();
  } finally {
    if (isOurs) rmSync(POLICY_FILE, { force: true });
  }
}
