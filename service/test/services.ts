// Which real servers this machine has, and what a suite does without them.
//
// A suite whose server is missing is skipped under a name that says so; `npm test` lists all of them at its end.
// With SLUICE_REQUIRE_SERVICES=1 (CI) it fails instead: a run that proves less than it should must not be green.
import { describe, test } from "vitest";
import { findClockLibrary, findPostgresFolder, findProgram, INSTALL_HINT } from "./programs.ts";

export type Service = "redis-server" | "postgres" | "pg_autoctl" | "openssl" | "chromium" | "haproxy" | "libfaketime";

/** `body` runs where all of `services` exist; otherwise the suite is skipped or, when services are required, fails. */
export function describeWith(services: readonly Service[], name: string, body: () => void): void {
  const missing = services.filter((service) => !isAvailable(service));
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const title = `${name} [needs ${missing.join(" and ")}]`;
  if (process.env.SLUICE_REQUIRE_SERVICES === "1") {
    describe(title, () => {
      test(`${missing.join(" and ")} must be installed`, () => {
        throw new Error(missingMessage(missing));
      });
    });
    return;
  }
  describe.skip(title, body);
}

export function describeWithRedis(name: string, body: () => void): void {
  describeWith(["redis-server"], name, body);
}

export function describeWithPostgres(name: string, body: () => void): void {
  describeWith(["postgres"], name, body);
}

export function isAvailable(service: Service): boolean {
  if (service === "postgres") return findPostgresFolder() !== null;
  return (service === "libfaketime" ? findClockLibrary() : findProgram(service)) !== null;
}

function missingMessage(missing: readonly Service[]): string {
  return `${missing.join(" and ")} not found. ${INSTALL_HINT}`;
}
