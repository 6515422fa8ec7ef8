// F39: callers send what is no check. Each gets an answer that blames it, nothing is counted, and nobody else notices.
import { request } from "node:http";
import { CHECK_PATH } from "@sluice/service/check/check.http.ts";
import { COUNTS_KEPT, EVERY_FAULT, NO_FALLBACK, RATES_HOLD } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { everyTenant } from "./parts.ts";

const ROUNDS = 20;
const DEPTH = 5_000;
const TOO_LARGE = 64 * 1024;

const BAD_BODIES: readonly string[] = [
  "",
  "null",
  "[]",
  '{"tenantId":',
  `${"[".repeat(DEPTH)}${"]".repeat(DEPTH)}`,
  check({ apiPath: `/${"a".repeat(TOO_LARGE)}` }),
  check({ tenantId: "acme\u0000" }),
  check({ tenantId: "../../etc" }),
  check({ userId: "\ud800" }),
  check({ userId: "\u202e\u0000" }),
  check({ apiPath: "/%ZZ" }),
  check({ httpMethod: "GET GET" }),
  check({ cost: -1 }),
  check({ cost: 2 ** 53 }),
  check({ cost: 1.5 }),
  check({ cost: "1" }),
  check({ unknown: true }),
  check({ requestId: "r".repeat(65) }),
];

export const badInput: Fault = {
  id: "F39",
  name: "bad input",
  about: `${BAD_BODIES.length} bodies that are no checks, ${ROUNDS} times each, beside the load.`,
  faultMs: 5_000,
  recoveryMs: 2_000,
  inflict: async (world) => {
    const { balancer, checkHeaders } = world.stack;
    const url = new URL(CHECK_PATH, balancer.url);
    let notBlamed = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const statuses = await Promise.all(BAD_BODIES.map((body) => statusOf(url, body, checkHeaders)));
      notBlamed += statuses.filter((status) => status < 400 || status >= 500).length;
    }
    world.tell("bad input without a 4xx", notBlamed);
    return everyTenant(world);
  },
  expectations: [
    ...EVERY_FAULT,
    NO_FALLBACK,
    ...COUNTS_KEPT,
    RATES_HOLD,
    { figure: "bad input without a 4xx", atMost: 0, why: "the caller is told what is wrong" },
  ],
};

function check(over: object): string {
  return JSON.stringify({ tenantId: "acme", apiPath: "/", httpMethod: "GET", ...over });
}

/** 0 without an answer. A new connection each, for a refused body may end one. */
function statusOf(url: URL, body: string, headers: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve) => {
    const sent = request(url, {
      method: "POST",
      agent: false,
      headers: { ...headers, "content-type": "application/json" },
    });
    sent.on("response", (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on("error", () => resolve(0));
    sent.end(body);
  });
}
