// One request to a service, bounded: what cannot be reached, and what is answered with a problem, becomes a failure with an
// exit code of its own. Not here: who we are (session.ts), what is asked (the commands).
import type { Problem } from "@sluice/contract";
import { CommandFailure, EXIT, type ExitCode } from "../exit-codes.ts";
import { VERSION } from "../version.ts";

export const DEFAULT_URL = "http://127.0.0.1:8080";

export type HttpRequest = Readonly<{
  method?: string;
  /** With its slash. */
  path: string;
  query?: Readonly<Record<string, string | undefined>>;
  headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  body?: unknown;
  /** How long the answer may take to begin, and unless it is a stream to end. */
  timeoutMs: number;
  isStream?: boolean;
}>;

/** The address of a service as it is compared and kept: without a slash at its end. */
export function parseServiceUrl(text: string): string {
  const url = URL.parse(text);
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  if (url === null || !isHttp || url.username !== "" || url.search !== "" || url.hash !== "") {
    throw new CommandFailure(EXIT.usage, `${text} is not the URL of a service. Write it like ${DEFAULT_URL}.`);
  }
  return url.href.replace(/\/+$/, "");
}

/** Whatever the service answers; throws only when it does not. */
export async function sendRequest(base: string, request: HttpRequest): Promise<Response> {
  const { method = "GET", path, query = {}, headers = {}, body, timeoutMs, isStream = false } = request;
  const words = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const search = words.length === 0 ? "" : `?${new URLSearchParams(words)}`;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs).unref();
  try {
    const response = await fetch(`${base}${path}${search}`, {
      method,
      headers: {
        "user-agent": `sluice-cli/${VERSION}`,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // A service never redirects; who does may be after our token.
      redirect: "error",
      signal: late.signal,
    });
    if (isStream) clearTimeout(timer);
    return response;
  } catch (fault) {
    throw unreachable(base, fault);
  }
}

/** The body as JSON, null where there is none; a failure for anything but success. */
export async function jsonOf(base: string, response: Response): Promise<unknown> {
  if (!response.ok) throw await failureOf(base, response);
  const text = await response.text().catch((fault: unknown) => {
    throw unreachable(base, fault);
  });
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new CommandFailure(EXIT.failed, `${base} answered something that is not JSON: is it a Sluice service?`);
  }
}

/** Code, sentence and every fault of a problem document (RFC 9457). */
export async function failureOf(base: string, response: Response): Promise<CommandFailure> {
  const { status } = response;
  const problem = (await response.json().catch(() => null)) as Partial<Problem> | null;
  const code = problem?.code === undefined ? "" : ` ${problem.code}`;
  const title = problem?.title === undefined ? "no problem document" : problem.title;
  const retry = response.headers.get("retry-after");
  const lines = [
    `${base} answered ${status}${code} (${title})${problem?.detail ? `: ${problem.detail}` : ""}`,
    ...(problem?.errors ?? []).map(({ pointer, detail }) => `${pointer === "" ? "(all of it)" : pointer}: ${detail}`),
    ...(retry === null ? [] : [`Try again in ${retry} s.`]),
    ...(problem?.traceId === undefined ? [] : [`trace ${problem.traceId}`]),
  ];
  return new CommandFailure(exitCodeOfStatus(status), lines.join("\n  "));
}

function exitCodeOfStatus(status: number): ExitCode {
  switch (status) {
    case 401:
    case 403:
    case 429: // too many attempts to sign in
      return EXIT.auth;
    case 404:
      return EXIT.notFound;
    case 409:
    case 412:
      return EXIT.conflict;
    case 502:
    case 503:
    case 504:
      return EXIT.unreachable;
    default:
      return status >= 400 && status < 500 ? EXIT.usage : EXIT.failed;
  }
}

function unreachable(base: string, fault: unknown): CommandFailure {
  const cause = fault instanceof Error && fault.cause instanceof Error ? fault.cause : fault;
  const { message = "", code = "" } = cause as { message?: string; code?: string };
  const said = message || code || String(fault);
  return new CommandFailure(EXIT.unreachable, `${base} cannot be reached: ${said}. Is \`sluice serve\` running there?`);
}
