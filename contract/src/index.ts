export * from "./admin/index.ts";
export * from "./check.ts";
export * from "./limits.ts";
export * from "./problem.ts";
export * from "./problem-catalogue.ts";
export * from "./problem-entry.ts";
export * from "./warnings.ts";
