// What an error of Redis means for a take. Pure.
import type { UnavailableCause } from "./counters.ts";

export type StoreError =
  | Readonly<{ kind: "moved"; slot: number; address: string }>
  | Readonly<{ kind: "ask"; address: string }>
  /** The slot is being moved: some keys are here, some there. Nothing ran. */
  | Readonly<{ kind: "try_again" }>
  | Readonly<{ kind: "no_script" }>
  /** Nothing ran; `feedsBreaker` when it says that the node cannot serve. */
  | Readonly<{ kind: "refused"; cause: UnavailableCause; feedsBreaker: boolean }>
  /** The connection went away: what was written may have run. */
  | Readonly<{ kind: "connection" }>;

/** Codes of a node that cannot serve takes now. */
const NODE_CANNOT_SERVE = new Set([
  "LOADING",
  "CLUSTERDOWN",
  "MISCONF",
  "BUSY",
  "READONLY",
  "MASTERDOWN",
  "NOREPLICAS",
]);

export function readStoreError(error: unknown): StoreError {
  const message = error instanceof Error ? error.message : String(error);
  const [code = "", slot = "", address = ""] = message.split(" ");
  if (code === "MOVED") return { kind: "moved", slot: Number(slot), address };
  if (code === "ASK") return { kind: "ask", address };
  if (code === "TRYAGAIN") return { kind: "try_again" };
  if (code === "NOSCRIPT") return { kind: "no_script" };
  if (code === "OOM") return { kind: "refused", cause: "out_of_memory", feedsBreaker: false };
  if (NODE_CANNOT_SERVE.has(code)) return { kind: "refused", cause: "store_error", feedsBreaker: true };
  if (/^[A-Z]{2,}$/.test(code)) return { kind: "refused", cause: "store_error", feedsBreaker: false };
  return { kind: "connection" };
}
