// `sluice status`: how a service is, part by part, who we are to it, and whether it is of our release.
// The operations port tells its parts only to whom it knows: without the scrape credential status says just ready or not.
import type { Me } from "@sluice/contract";
import { Command } from "commander";
import type Type from "typebox";
import { type Api, type ApiOptions, adminUrl, openApi, withApiOptions } from "./api/api.ts";
import { jsonOf, parseServiceUrl, sendRequest } from "./api/http.ts";
import { CommandFailure, EXIT, type ExitCode } from "./exit-codes.ts";
import { printResult, type Row, type Terminal } from "./terminal.ts";
import { VERSION } from "./version.ts";

const ANSWER_TIMEOUT_MS = 5_000;
const DEFAULT_OPS_PORT = "9090";

type Options = ApiOptions & Readonly<{ opsUrl?: string }>;
type Report = Readonly<{
  ready: boolean;
  parts?: Readonly<Record<string, Readonly<{ healthy: boolean; detail: string; required: boolean }>>>;
}>;

/** What was asked for, or why it could not be had. */
type Asked<T> = Readonly<{ kind: "told"; value: T }> | Readonly<{ kind: "failed"; failure: CommandFailure }>;

export function statusCommand(terminal: Terminal, finish: (exitCode: ExitCode) => void): Command {
  const command = new Command("status")
    .description("How the service is, who we are to it, and whether it is of our release")
    .option("--ops-url <url>", "its operations port (or SLUICE_OPS_URL; default: port 9090 beside --url)")
    .action(async (options: Options) => {
      const url = await adminUrl(terminal, options);
      const opsUrl = parseServiceUrl(options.opsUrl ?? (terminal.environment.SLUICE_OPS_URL || besideOf(url)));
      const api = await openApi(terminal, options);
      const [health, me, version] = await Promise.all([
        attempt(() => readHealth(terminal, opsUrl)),
        attempt(async () => (await api.ask({ path: "/admin/auth/me" })).body as Type.Static<typeof Me>),
        attempt(() => readVersion(api)),
      ]);
      const rows = [...healthRows(opsUrl, health), meRow(url, me), versionRow(version)];
      printResult(terminal, options.json, dataOf(health, me, version), rows);
      for (const asked of [health, me]) if (asked.kind === "failed") terminal.say(`sluice: ${asked.failure.message}`);
      finish(exitCodeOf(health, me));
    });
  return withApiOptions(command);
}

function besideOf(url: string): string {
  const beside = new URL(url);
  beside.port = DEFAULT_OPS_PORT;
  return beside.origin;
}

async function readHealth(terminal: Terminal, opsUrl: string): Promise<Report> {
  const { SLUICE_SCRAPE_CREDENTIAL: credential } = terminal.environment;
  const headers = credential ? { authorization: `Bearer ${credential}` } : {};
  const ask = (path: string) => sendRequest(opsUrl, { path, headers, timeoutMs: ANSWER_TIMEOUT_MS });
  const verbose = await ask("/readyz?verbose");
  const response = verbose.status === 401 ? await ask("/readyz") : verbose;
  // 503 is an answer here: not ready.
  if (response.status !== 503) return (await jsonOf(opsUrl, response)) as Report;
  return (await response.json()) as Report;
}

/** Of the service's OpenAPI document, which says it to everyone. */
async function readVersion({ url }: Api): Promise<string> {
  const response = await sendRequest(url, { path: "/openapi.json", timeoutMs: ANSWER_TIMEOUT_MS });
  const { info } = (await jsonOf(url, response)) as { info?: { version?: string } };
  return info?.version ?? "unknown";
}

async function attempt<T>(act: () => Promise<T>): Promise<Asked<T>> {
  try {
    return { kind: "told", value: await act() };
  } catch (fault) {
    if (fault instanceof CommandFailure) return { kind: "failed", failure: fault };
    throw fault;
  }
}

function healthRows(opsUrl: string, health: Asked<Report>): Row[] {
  if (health.kind === "failed") return [{ part: "service", state: "unknown", detail: `${opsUrl} tells nothing` }];
  const { ready, parts = {} } = health.value;
  return [
    { part: "service", state: ready ? "ready" : "not ready", detail: opsUrl },
    ...Object.entries(parts).map(([part, { healthy, detail, required }]) => {
      return { part, state: healthy ? "ok" : required ? "failed" : "away (checks go on)", detail };
    }),
  ];
}

function meRow(url: string, me: Asked<Type.Static<typeof Me>>): Row {
  if (me.kind === "failed") return { part: "session", state: "none", detail: url };
  const { loginId, role, tenants } = me.value;
  return {
    part: "session",
    state: "signed in",
    detail: `${loginId}, ${role} of ${tenants?.join(", ") ?? "all tenants"}`,
  };
}

function versionRow(version: Asked<string>): Row {
  const theirs = version.kind === "told" ? version.value : "unknown";
  const state = theirs === VERSION ? "the same" : theirs === "unknown" ? "unknown" : "differs";
  return { part: "release", state, detail: `service ${theirs}, command line ${VERSION}` };
}

function dataOf(health: Asked<Report>, me: Asked<unknown>, version: Asked<string>) {
  return {
    ready: health.kind === "told" ? health.value.ready : null,
    parts: health.kind === "told" ? (health.value.parts ?? null) : null,
    me: me.kind === "told" ? me.value : null,
    versions: { service: version.kind === "told" ? version.value : null, commandLine: VERSION },
  };
}

/** The worst of what was found: nobody there, not ready, not signed in. */
function exitCodeOf(health: Asked<Report>, me: Asked<unknown>): ExitCode {
  if (health.kind === "failed") return health.failure.exitCode;
  if (!health.value.ready) return EXIT.failed;
  return me.kind === "failed" ? me.failure.exitCode : EXIT.ok;
}
