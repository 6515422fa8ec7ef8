// `sluice check`: asks a running service one question and prints the decision. Exit code 10 says that it was refused.
import type { CheckRequest, Decision, Problem } from "@sluice/contract";
import { Command, InvalidArgumentError } from "commander";
import { CommandFailure, EXIT, type ExitCode } from "./exit-codes.ts";
import { printResult, type Row, type Terminal } from "./terminal.ts";

/** The service decides within milliseconds; this bounds only a network that swallows packets. */
const ANSWER_TIMEOUT_MS = 5_000;
const DEFAULT_URL = "http://127.0.0.1:8080";

type Options = Readonly<{
  tenant: string;
  path: string;
  method: string;
  user?: string;
  cost?: number;
  requestId?: string;
  url?: string;
  credential?: string;
  json?: boolean;
}>;

export function checkCommand(terminal: Terminal, finish: (exitCode: ExitCode) => void): Command {
  return new Command("check")
    .description("Ask whether one call may go on (it is counted, unless --cost is 0)")
    .requiredOption("--tenant <id>", "tenant of the call")
    .requiredOption("--path <path>", "path of the call, such as /v1/report")
    .option("--method <method>", "HTTP method of the call", "GET")
    .option("--user <id>", "user of the call")
    .option("--cost <number>", "how much the call takes; 0 only looks", parseInteger)
    .option("--request-id <id>", "the same id within 60 s is counted once")
    .option("--url <url>", `the service (or SLUICE_URL; default ${DEFAULT_URL})`)
    .option("--credential <secret>", "service credential (or SLUICE_CREDENTIAL, which no process list shows)")
    .option("--json", "JSON on a terminal too")
    .action(async (options: Options) => {
      const decision = await ask(options, terminal.environment);
      printResult(terminal, options.json, decision, rowsOf(decision));
      finish(decision.allowed ? EXIT.ok : EXIT.denied);
    });
}

async function ask(options: Options, environment: Terminal["environment"]): Promise<Decision> {
  const base = options.url ?? environment.SLUICE_URL ?? DEFAULT_URL;
  const credential = options.credential ?? environment.SLUICE_CREDENTIAL;
  const response = await send(base, credential, requestOf(options));
  const answer: unknown = await response.json().catch(() => null);
  if (isDecision(answer)) return answer;
  const problem = answer as Partial<Problem> | null;
  const faults = (problem?.errors ?? []).map(({ pointer, detail }) => `\n  ${pointer}: ${detail}`).join("");
  const said = problem?.detail ?? problem?.title ?? "no problem document";
  throw new CommandFailure(exitCodeOfStatus(response.status), `${base} answered ${response.status}: ${said}${faults}`);
}

function requestOf(options: Options): CheckRequest {
  return {
    tenantId: options.tenant,
    apiPath: options.path,
    httpMethod: options.method,
    ...(options.user !== undefined && { userId: options.user }),
    ...(options.cost !== undefined && { cost: options.cost }),
    ...(options.requestId !== undefined && { requestId: options.requestId }),
  };
}

async function send(base: string, credential: string | undefined, body: CheckRequest): Promise<Response> {
  if (!URL.canParse("/internal/rate-limit/check", base)) {
    throw new CommandFailure(EXIT.usage, `${base} is not a URL. Write it like ${DEFAULT_URL}.`);
  }
  try {
    return await fetch(new URL("/internal/rate-limit/check", base), {
      method: "POST",
      headers: { "content-type": "application/json", ...(credential && { "x-service-auth": credential }) },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
  } catch (fault) {
    const cause = fault instanceof Error && fault.cause instanceof Error ? fault.cause.message : String(fault);
    throw new CommandFailure(
      EXIT.unreachable,
      `${base} cannot be reached: ${cause}. Is \`sluice serve\` running there?`,
    );
  }
}

function isDecision(answer: unknown): answer is Decision {
  return typeof answer === "object" && answer !== null && "allowed" in answer && "reason" in answer;
}

function exitCodeOfStatus(status: number): ExitCode {
  if (status === 401 || status === 403) return EXIT.auth;
  if (status === 404) return EXIT.notFound;
  if (status === 503) return EXIT.unreachable;
  return status >= 400 && status < 500 ? EXIT.usage : EXIT.failed;
}

/** One row per fact that a person looks for first. */
function rowsOf(decision: Decision): Row[] {
  const { deniedBy } = decision;
  const facts: Record<string, Row[string]> = {
    allowed: decision.allowed,
    reason: decision.reason,
    "retry after (ms)": decision.retryAfterMs,
    "denied by":
      deniedBy && `${deniedBy.policyId} ${deniedBy.scope} ${deniedBy.window} ${deniedBy.used}/${deniedBy.limit}`,
    ...Object.fromEntries(Object.entries(decision.remaining).map(([field, left]) => [`remaining ${field}`, left])),
    notes: decision.notes.join(", ") || null,
    "policy version": decision.policyVersion,
    trace: decision.traceId,
  };
  return Object.entries(facts).map(([fact, value]) => ({ fact, value }));
}

function parseInteger(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError("Write a whole number from 0 to 1000000.");
  return Number(text);
}
