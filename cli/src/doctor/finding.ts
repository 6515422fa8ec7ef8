// One thing that was looked at, and the rules that need no store to decide it. Pure.

/** `warn` is worth a look; `fail` breaks a promise of the product. */
export type Finding = Readonly<{ part: string; check: string; state: "ok" | "warn" | "fail"; detail: string }>;

/** Beyond this a caller's `timestamp` and log lines of two machines no longer fit together. Counting is not affected. */
const MAX_SKEW_MS = 1_000;

/** `store` is a clock read between `sentMs` and `receivedMs` of this machine's; half the way is not skew. */
export function skewFinding(part: string, storeMs: number, sentMs: number, receivedMs: number): Finding {
  const skewMs = Math.round(storeMs - (sentMs + receivedMs) / 2);
  const isFine = Math.abs(skewMs) <= MAX_SKEW_MS + (receivedMs - sentMs) / 2;
  const detail = `${skewMs} ms against this machine${isFine ? "" : "; synchronise the clocks (NTP)"}`;
  return { part, check: "clock", state: isFine ? "ok" : "warn", detail };
}

export function versionFinding(part: string, version: string, oldest: string): Finding {
  const isOld = compareVersions(version, oldest) < 0;
  return {
    part,
    check: "version",
    state: isOld ? "fail" : "ok",
    detail: isOld ? `${version}; Sluice needs ${oldest} or newer` : version,
  };
}

/** `reason` is what the connection said. */
export function unreachable(part: string, reason: string): Finding {
  return { part, check: "reachable", state: "fail", detail: reason };
}

function compareVersions(left: string, right: string): number {
  const [a, b] = [left, right].map((version) => version.split(".").map((part) => Number.parseInt(part, 10) || 0));
  return (a?.[0] ?? 0) - (b?.[0] ?? 0) || (a?.[1] ?? 0) - (b?.[1] ?? 0);
}
