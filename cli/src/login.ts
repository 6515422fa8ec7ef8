// `sluice login` and `sluice logout`: begin and end a session, which later commands use and renew by themselves.
// A password comes from a person, a file or the environment, never from the command line, which every process list shows.
import { Command } from "commander";
import { type ApiOptions, adminUrl, openApi, withApiOptions } from "./api/api.ts";
import { DEFAULT_URL, jsonOf, sendRequest } from "./api/http.ts";
import { wantedLanguage } from "./api/language.ts";
import { type TokenPair, without, withSession } from "./api/session.ts";
import { changeSessions, sessionsPath } from "./api/sessions.file.ts";
import { CommandFailure, EXIT } from "./exit-codes.ts";
import { readPassword } from "./password.ts";
import { printResult, type Terminal } from "./terminal.ts";

type LoginOptions = ApiOptions & Readonly<{ loginId?: string; passwordFile?: string }>;

/** A line for argon2id may be ten seconds long. */
const LOGIN_TIMEOUT_MS = 30_000;

export function loginCommand(terminal: Terminal): Command {
  const command = new Command("login")
    .description("Sign in to the Admin API; later commands renew the session by themselves")
    .option("--login-id <id>", "who signs in (or SLUICE_LOGIN_ID)")
    .option("--password-file <file>", "a file whose first line is the password (or SLUICE_PASSWORD; else it is asked)")
    .action(async (options: LoginOptions) => {
      const url = await adminUrl(terminal, options);
      warnOfClearText(terminal, url);
      const loginId = options.loginId ?? terminal.environment.SLUICE_LOGIN_ID;
      if (!loginId) throw new CommandFailure(EXIT.usage, "Who signs in? Give --login-id, or set SLUICE_LOGIN_ID.");
      const password = await readPassword(terminal, {
        file: options.passwordFile,
        variable: "SLUICE_PASSWORD",
        question: `Password of ${loginId}`,
      });
      const response = await sendRequest(url, {
        ...{ method: "POST", path: "/admin/auth/login", body: { loginId, password }, timeoutMs: LOGIN_TIMEOUT_MS },
        headers: { "accept-language": wantedLanguage(options.lang, terminal.environment) },
      });
      const pair = (await jsonOf(url, response)) as TokenPair;
      await changeSessions(sessionsPath(terminal.environment), (before) => {
        return { ...withSession(before, url, { ...pair, loginId }), latest: url };
      });
      const { refreshTokenExpiresAt: expiresAt } = pair;
      printResult(terminal, options.json, { url, loginId, expiresAt }, [
        { url, "login id": loginId, until: expiresAt },
      ]);
    });
  return withApiOptions(command);
}

export function logoutCommand(terminal: Terminal): Command {
  const command = new Command("logout")
    .description("End the session, in force on every instance at once")
    .option("--all", "end every session of the user")
    .action(async (options: ApiOptions & Readonly<{ all?: boolean }>) => {
      const api = await openApi(terminal, options);
      try {
        await api.ask({ method: "POST", path: "/admin/auth/logout", query: { all: options.all ? "true" : undefined } });
        terminal.say(`Signed out of ${api.url}.`);
      } catch (fault) {
        // Not signed in, or not any more: that is what was wanted.
        if (!(fault instanceof CommandFailure && fault.exitCode === EXIT.auth)) throw fault;
        terminal.say(`There was no session at ${api.url}.`);
      }
      if (terminal.environment.SLUICE_TOKEN) return;
      await changeSessions(sessionsPath(terminal.environment), (before) => {
        return before.sessions[api.url] === undefined ? before : without(before, api.url);
      });
    });
  return withApiOptions(command);
}

export function warnOfClearText(terminal: Terminal, url: string): void {
  const { protocol, hostname } = new URL(url);
  if (protocol === "https:" || /^(localhost|127\..*|\[::1\])$/.test(hostname)) return;
  terminal.say(`Warning: ${url} is not encrypted. Whoever sees the traffic sees the password: use ${HTTPS_EXAMPLE}.`);
}

const HTTPS_EXAMPLE = DEFAULT_URL.replace("http:", "https:").replace("127.0.0.1", "host");
