// What `doctor` reads in the settings of a service: whether one could start with them, and its certificates.
import { type Config, readConfig } from "@sluice/service/config.ts";
import type { Environment } from "@sluice/service/config-reader.ts";
import { certificateFindings } from "./certificate-findings.ts";
import type { Finding } from "./finding.ts";

const PART = "settings";

/** Variables of this command line, which a service does not read. */
const OURS = new Set([
  "SLUICE_URL",
  "SLUICE_ADMIN_URL",
  "SLUICE_OPS_URL",
  "SLUICE_TOKEN",
  "SLUICE_CREDENTIAL",
  "SLUICE_LOGIN_ID",
  "SLUICE_PASSWORD",
  "SLUICE_NEW_PASSWORD",
]);

export type ReadSettings = Readonly<{
  findings: readonly Finding[];
  /** Null when a service would refuse them. */
  config: Config | null;
}>;

export function findInSettings(
  environment: Environment,
  readFile: (path: string) => string,
  nowMs: number,
): ReadSettings {
  const read = readConfig(environment, readFile);
  if (read.kind === "faulty") {
    const findings = read.faults.map(({ variable, problem, fix }): Finding => {
      return { part: PART, check: variable, state: "fail", detail: `${problem}: ${fix}` };
    });
    return { findings, config: null };
  }
  const { config } = read;
  const unread = read.unread.filter((variable) => !OURS.has(variable));
  const findings: Finding[] = [
    { part: PART, check: "valid", state: "ok", detail: `profile ${config.profile}` },
    ...unread.map((variable): Finding => {
      return { part: PART, check: variable, state: "warn", detail: "means nothing to a service: is it misspelt?" };
    }),
    ...certificatesOf(config).flatMap(([check, pem]) => certificateFindings(check, pem, nowMs)),
  ];
  return { findings, config };
}

function certificatesOf({ tls, redis, database }: Config): [check: string, pem: string][] {
  const redisTls = redis.kind === "redis" ? redis.tls : null;
  const all: [string, string | null | undefined][] = [
    ["SLUICE_TLS_CERT", tls?.certificate],
    ["SLUICE_TLS_CLIENT_CA", tls?.clientCa],
    ["SLUICE_REDIS_TLS_CERT", redisTls?.certificate],
    ["SLUICE_REDIS_TLS_CA", redisTls?.ca],
    ["SLUICE_DATABASE_TLS_CA", database.kind === "postgres" ? database.tlsCa : null],
  ];
  return all.flatMap(([check, pem]) => (pem ? [[check, pem] as [string, string]] : []));
}
