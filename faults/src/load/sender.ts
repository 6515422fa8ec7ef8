// Sends one check as a gateway does: over connections that stay open, and a second time only what carries a requestId.
//
// Promise: resolves with what became of it, never throws. An answer of the balancer that no instance could be asked is
// treated like no answer. Not here: when to send (load.program.ts).
import { Agent, request } from "node:http";
import type { CheckRequest, Decision } from "@sluice/contract";
import { CHECK_PATH } from "@sluice/service/check/check.http.ts";
import type { Entry, Refuser } from "../journal/entry.ts";

/** Far above any deadline: who waits this long has given up. */
const GIVE_UP_MS = 10_000;
const NOBODY_ANSWERED = new Set([0, 502, 503, 504]);
const MAX_FAULT_CHARACTERS = 200;

/** What became of a request: the part of its entry that is not known before. */
export type Outcome = Pick<Entry, "retries" | "status" | "reason" | "allowed" | "refuser" | "notes" | "fault">;

export type Sender = Readonly<{
  /** `number` chooses among the targets in turn. */
  send: (check: CheckRequest, number: number) => Promise<Outcome>;
  close: () => void;
}>;

type Reply = Readonly<{ status: number; text: string }>;

/** `targets` are base URLs: the balancer's, or those of instances. `headers` go with every request. */
export function createSender(targets: readonly string[], headers: Readonly<Record<string, string>>): Sender {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const urls = targets.map((target) => new URL(CHECK_PATH, target));
  return {
    send: async (check, number) => {
      const post = (turn: number) => postCheck(agent, urls[turn % urls.length] as URL, check, headers);
      const first = await post(number);
      if (!NOBODY_ANSWERED.has(first.status) || check.requestId === undefined) return outcomeOf(first, 0);
      return outcomeOf(await post(number + 1), 1);
    },
    close: () => agent.destroy(),
  };
}

function postCheck(
  agent: Agent,
  url: URL,
  check: CheckRequest,
  given: Readonly<Record<string, string>>,
): Promise<Reply> {
  const body = JSON.stringify(check);
  const headers = {
    ...given,
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  };
  return new Promise((resolve) => {
    const failed = (fault: Error) => resolve({ status: 0, text: fault.message });
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", failed);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    sent.setTimeout(GIVE_UP_MS, () => sent.destroy(new Error(`no answer within ${GIVE_UP_MS} ms`)));
    sent.on("error", failed);
    sent.end(body);
  });
}

function outcomeOf({ status, text }: Reply, retries: number): Outcome {
  const decision = status === 200 ? decisionOf(text) : null;
  if (decision === null) {
    const fault = `${status} ${text.slice(0, MAX_FAULT_CHARACTERS)}`;
    return { retries, status, reason: null, allowed: false, refuser: null, notes: [], fault };
  }
  const { reason, allowed, deniedBy, notes } = decision;
  const refuser: Refuser | null = deniedBy === null ? null : { scope: deniedBy.scope, window: deniedBy.window };
  return { retries, status, reason, allowed, refuser, notes, fault: null };
}

function decisionOf(text: string): Decision | null {
  try {
    const decision = JSON.parse(text) as Decision;
    return typeof decision.allowed === "boolean" ? decision : null;
  } catch {
    return null;
  }
}
