// The Admin API as commands ask it: signed in, in the user's language, with every refusal a failure of the command.
// Not here: which service and who we are (session.ts), what a refusal means for the exit code (http.ts).
import type { Command } from "commander";
import { Option } from "commander";
import type { Terminal } from "../terminal.ts";
import { DEFAULT_URL, failureOf, type HttpRequest, jsonOf, parseServiceUrl, sendRequest } from "./http.ts";
import { wantedLanguage } from "./language.ts";
import { openSession } from "./session.ts";
import { readSessions, sessionsPath } from "./sessions.file.ts";

/** What every command on the Admin API takes. */
export type ApiOptions = Readonly<{ url?: string; lang?: string; json?: boolean }>;

export type Ask = Omit<HttpRequest, "timeoutMs" | "isStream">;
export type Answer = Readonly<{ body: unknown; etag: string | null }>;

export type Api = Readonly<{
  url: string;
  ask: (request: Ask) => Promise<Answer>;
  /** The body as it comes. */
  stream: (request: Ask) => AsyncIterable<string>;
}>;

/** Signing in waits in line for argon2id, and a whole policy set is one transaction: both may take seconds. */
const ANSWER_TIMEOUT_MS = 30_000;

export function withApiOptions(command: Command): Command {
  return command
    .optionsGroup("Service:")
    .option("--url <url>", `the Admin API (or SLUICE_ADMIN_URL, SLUICE_URL, the last login; default ${DEFAULT_URL})`)
    .addOption(new Option("--lang <language>", "language of problems (default: the locale's)").choices(["en", "ko"]))
    .option("--json", "JSON on a terminal too")
    .optionsGroup("Options:");
}

/** SLUICE_ADMIN_URL goes before SLUICE_URL, because `prod` keeps the Admin API on a port of its own. */
export async function adminUrl(terminal: Terminal, options: ApiOptions): Promise<string> {
  const { SLUICE_ADMIN_URL, SLUICE_URL } = terminal.environment;
  const named = options.url ?? (SLUICE_ADMIN_URL || SLUICE_URL);
  if (named !== undefined && named !== "") return parseServiceUrl(named);
  return (await readSessions(sessionsPath(terminal.environment))).latest ?? DEFAULT_URL;
}

export async function openApi(terminal: Terminal, options: ApiOptions): Promise<Api> {
  const url = await adminUrl(terminal, options);
  const session = openSession(terminal.environment, url);
  const language = wantedLanguage(options.lang, terminal.environment);
  const send = async (request: Ask, isStream: boolean) => {
    const attempt = (token: string) => {
      const headers = { ...request.headers, authorization: `Bearer ${token}`, "accept-language": language };
      return sendRequest(url, { ...request, headers, timeoutMs: ANSWER_TIMEOUT_MS, isStream });
    };
    const token = await session.accessToken();
    const response = await attempt(token);
    if (response.status !== 401) return response;
    const other = await session.renewed(token);
    if (other === null) return response;
    await response.body?.cancel();
    return await attempt(other);
  };
  return {
    url,
    ask: async (request) => {
      const response = await send(request, false);
      return { body: await jsonOf(url, response), etag: response.headers.get("etag") };
    },
    stream: async function* (request) {
      const response = await send(request, true);
      if (!response.ok) throw await failureOf(url, response);
      const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
      for await (const chunk of response.body ?? []) yield decoder.decode(chunk, { stream: true });
      yield decoder.decode();
    },
  };
}
