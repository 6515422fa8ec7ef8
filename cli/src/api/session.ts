// Who we are to one service: SLUICE_TOKEN, or the session that `sluice login` keeps for its URL, renewed as it runs out.
//
// A refresh token is good for one use, so of several commands that find the access token run out, one trades the refresh
// token in and the others take what it got: the trade is made under the lock of the file (sessions.file.ts).
// Known gap: a command that is killed between the service's answer and the file loses the answer. Asked again within half a
// minute the service repeats it; after that the session is over, and one signs in again.
import type { Tokens } from "@sluice/contract";
import type Type from "typebox";
import { CommandFailure, EXIT } from "../exit-codes.ts";
import type { Terminal } from "../terminal.ts";
import { jsonOf, sendRequest } from "./http.ts";
import { changeSessions, readSessions, type Sessions, type StoredSession, sessionsPath } from "./sessions.file.ts";

/** A token that is about to run out would do so on its way. */
const LEAST_LIFE_MS = 10_000;
const REFRESH_TIMEOUT_MS = 10_000;

export type Session = Readonly<{
  accessToken: () => Promise<string>;
  /** Another access token in place of one that was refused; null where there is no other. */
  renewed: (refused: string) => Promise<string | null>;
}>;

export type TokenPair = Type.Static<typeof Tokens>;

export function openSession(environment: Terminal["environment"], url: string): Session {
  const token = environment.SLUICE_TOKEN;
  if (token) return { accessToken: async () => token, renewed: async () => null };
  const path = sessionsPath(environment);
  return {
    accessToken: async () => {
      const session = (await readSessions(path)).sessions[url];
      if (session === undefined) throw notSignedIn(url);
      return isAlive(session) ? session.accessToken : await renew(path, url, session.accessToken);
    },
    renewed: (refused) => renew(path, url, refused),
  };
}

async function renew(path: string, url: string, refused: string): Promise<string> {
  // Not narrowed to null: it is set inside.
  let token = null as string | null;
  await changeSessions(path, async (before) => {
    const session = before.sessions[url];
    if (session === undefined) return before;
    // Another command was faster.
    if (session.accessToken !== refused && isAlive(session)) {
      token = session.accessToken;
      return before;
    }
    const pair = await trade(url, session.refreshToken);
    if (pair === null) return without(before, url);
    token = pair.accessToken;
    return withSession(before, url, { ...pair, loginId: session.loginId });
  });
  if (token !== null) return token;
  throw notSignedIn(url, "The session has ended.");
}

/** Null when the refresh token is good for nothing any more. */
async function trade(url: string, refreshToken: string): Promise<TokenPair | null> {
  const response = await sendRequest(url, {
    ...{ method: "POST", path: "/admin/auth/refresh", body: { refreshToken }, timeoutMs: REFRESH_TIMEOUT_MS },
  });
  return response.status === 401 ? null : ((await jsonOf(url, response)) as TokenPair);
}

export function withSession(before: Sessions, url: string, session: StoredSession): Sessions {
  const { loginId, accessToken, accessTokenExpiresAt, refreshToken, refreshTokenExpiresAt } = session;
  const kept = { loginId, accessToken, accessTokenExpiresAt, refreshToken, refreshTokenExpiresAt };
  return { ...before, sessions: { ...before.sessions, [url]: kept } };
}

export function without(before: Sessions, url: string): Sessions {
  const { [url]: _, ...sessions } = before.sessions;
  return { ...before, sessions };
}

function isAlive({ accessTokenExpiresAt }: StoredSession): boolean {
  return Date.parse(accessTokenExpiresAt) - Date.now() > LEAST_LIFE_MS;
}

function notSignedIn(url: string, why = "You are not signed in."): CommandFailure {
  return new CommandFailure(EXIT.auth, `${why} Run \`sluice login --url ${url}\`, or set SLUICE_TOKEN.`);
}
