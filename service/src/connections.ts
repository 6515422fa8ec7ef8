// The connections of an instance on this machine: the configuration's budget with the cores that are here.
import { availableParallelism } from "node:os";
import type { Config } from "./config.ts";
import { budgetQuestion } from "./config-pool.ts";
import { type ConnectionBudget, deriveBudget } from "./platform/connection-budget.ts";

export function connectionsOf(config: Config): ConnectionBudget {
  return deriveBudget(budgetQuestion(config, availableParallelism()));
}
