export * from "./check.ts";
export * from "./limits.ts";
export * from "./problem.ts";
