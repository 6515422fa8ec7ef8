// A call, as `check` and `explain` ask about one.
import type { CheckRequest } from "@sluice/contract";
import { type Command, InvalidArgumentError } from "commander";

export type CallOptions = Readonly<{ tenant: string; path: string; method: string; user?: string; cost?: number }>;

export function withCallOptions(command: Command): Command {
  return command
    .requiredOption("--tenant <id>", "tenant of the call")
    .requiredOption("--path <path>", "path of the call, such as /v1/report")
    .option("--method <method>", "HTTP method of the call", "GET")
    .option("--user <id>", "user of the call")
    .option("--cost <number>", "how much the call takes; 0 only looks", parseCost);
}

export function callOf({ tenant, path, method, user, cost }: CallOptions): CheckRequest {
  return {
    tenantId: tenant,
    apiPath: path,
    httpMethod: method,
    ...(user !== undefined && { userId: user }),
    ...(cost !== undefined && { cost }),
  };
}

function parseCost(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError("Write a whole number from 0 to 1000000.");
  return Number(text);
}
