// The name of a route in the OpenAPI document, from its method and path: listPlans, createPlan, getPlan, replacePlan,
// deletePlan, resetTenantCounters, login. Names are what generated clients call: a path's name is not changed. Pure.
import type { DescribedRoute } from "./described-route.ts";

/** What every path has, and no name needs. */
const PREFIX = /^\/(?:admin\/auth|admin|internal\/rate-limit)\//;
const VERBS: Readonly<Record<string, string>> = { GET: "get", PUT: "replace", PATCH: "update", DELETE: "delete" };

export function operationIdOf(
  route: Pick<DescribedRoute, "method" | "path" | "operation" | "answer" | "status">,
): string {
  const { method, path, operation, answer, status } = route;
  if (operation !== undefined) return operation;
  const segments = path.replace(PREFIX, "").split("/");
  const words = segments.flatMap((segment, index) => {
    if (isParameter(segment)) return [];
    return [isParameter(segments[index + 1]) ? singular(segment) : segment];
  });
  if (method === "GET" && isList(answer)) return camelCase(["list", ...words]);
  if (method !== "POST") return camelCase([VERBS[method] ?? method.toLowerCase(), ...words]);
  const last = words.pop() ?? "";
  if (status === 201) return camelCase(["create", ...words, singular(last)]);
  // What is done to one resource is said last in the path and first in the name.
  return camelCase(segments.some(isParameter) ? [last, ...words] : [...words, last]);
}

function isParameter(segment: string | undefined): boolean {
  return segment?.startsWith("{") === true;
}

function isList(answer: DescribedRoute["answer"]): boolean {
  return answer !== undefined && "properties" in answer && "nextCursor" in (answer.properties as object);
}

function singular(word: string): string {
  return word.replace(/ies$/, "y").replace(/(?<=[^s])s$/, "");
}

function camelCase(words: readonly string[]): string {
  const [first = "", ...rest] = words.flatMap((word) => word.split("-"));
  return first + rest.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}
