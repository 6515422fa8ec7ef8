// Says once, after the start, that no caller can prove itself by a credential: neither the configuration lists one nor does
// the database hold one that is in force. Every check without a certificate is then refused, and only the log says why.
// Not here: who is let in (auth/credentials.ts).
import type { Config } from "./config.ts";
import type { Log } from "./platform/log.ts";
import type { PolicyStore } from "./policy-store.ts";

export function noticeCallersUnknown(
  { serviceAuth: { kind, credentials } }: Config,
  policies: Pick<PolicyStore, "ready" | "hasCredentials">,
  log: Log,
): void {
  if (credentials.length > 0 || kind === "none" || kind === "mtls") return;
  // Before PostgreSQL has answered it is not known that there is none.
  void policies.ready.then(() => {
    if (!policies.hasCredentials()) log.warn({ serviceAuth: kind, fix: FIX }, REFUSED[kind]);
  });
}

const REFUSED = {
  credential: "there is no service credential: every check is answered 401",
  both: "there is no service credential: a check without a client certificate is answered 401",
} as const;
const FIX = "create one with `sluice credentials create NAME`, or set SLUICE_SERVICE_CREDENTIALS and start again";
