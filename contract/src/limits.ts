// The vocabulary of limits: which fields an operator may set, and which window each one is counted in.
// Not here: what a window computes (service/src/limits).

/** The five windows of the product, in the order used everywhere: answers, metrics, packed states. */
export const WINDOWS = ["second", "minute", "day", "quotaDay", "month"] as const;
export type Window = (typeof WINDOWS)[number];

/** Position of a window in packed states and script arguments. Part of the stored format: never reorder. */
export const WINDOW_INDEX: Readonly<Record<Window, number>> = { second: 0, minute: 1, day: 2, quotaDay: 3, month: 4 };

/** The five fields of Limits, in the order of `WINDOWS`. */
export const LIMIT_FIELDS = ["perSecond", "perMinute", "perDay", "quotaPerDay", "quotaPerMonth"] as const;
export type LimitField = (typeof LIMIT_FIELDS)[number];

export const FIELD_OF_WINDOW: Readonly<Record<Window, LimitField>> = {
  second: "perSecond",
  minute: "perMinute",
  day: "perDay",
  quotaDay: "quotaPerDay",
  month: "quotaPerMonth",
};

/** Greatest rate limit (per second, minute, day): keeps every product of the arithmetic below 2^53. */
export const MAX_RATE_LIMIT = 10 ** 10;
/** Greatest quota (per calendar day or month). */
export const MAX_QUOTA = 10 ** 15;
/** Greatest cost of one check. */
export const MAX_COST = 1_000_000;

/** ≥ 1 limit, 0 blocked, -1 unlimited, null or absent not set here. */
export type Limits = Readonly<Partial<Record<LimitField, number | null>>>;
export const UNLIMITED = -1;
export const BLOCKED = 0;

export const SCOPES = ["TENANT", "TENANT_API", "TENANT_USER", "TENANT_USER_API"] as const;
export type Scope = (typeof SCOPES)[number];

export const FALLBACK_MODES = ["ALLOW_ALL", "BLOCK_ALL", "STATIC_LIMIT"] as const;
export type FallbackMode = (typeof FALLBACK_MODES)[number];
