// How long certificates are good for: one finding for each of a PEM text. Pure.
import { X509Certificate } from "node:crypto";
import { certificatesIn } from "@sluice/service/config-certificates.ts";
import type { Finding } from "./finding.ts";

const PART = "certificates";
const DAY_MS = 86_400_000;
/** Time to have a new one issued by people, not only by a machine. */
const SOON_MS = 30 * DAY_MS;

/** `check` is the variable that the text comes from. */
export function certificateFindings(check: string, pem: string, nowMs: number): Finding[] {
  const blocks = certificatesIn(pem);
  if (blocks.length === 0) return [{ part: PART, check, state: "fail", detail: "holds no certificate in PEM" }];
  return blocks.map((block) => ({ part: PART, check, ...judge(block, nowMs) }));
}

function judge(block: string, nowMs: number): Pick<Finding, "state" | "detail"> {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(block);
  } catch {
    return { state: "fail", detail: "holds a certificate that cannot be read" };
  }
  const name = certificate.subject.replaceAll("\n", ", ");
  const fromMs = Date.parse(certificate.validFrom);
  const toMs = Date.parse(certificate.validTo);
  const until = new Date(toMs).toISOString().slice(0, 10);
  if (nowMs >= toMs) return { state: "fail", detail: `${name} ended on ${until}: have it renewed` };
  if (nowMs < fromMs) {
    return { state: "fail", detail: `${name} is not valid before ${certificate.validFrom}: is the clock right?` };
  }
  const days = Math.floor((toMs - nowMs) / DAY_MS);
  const detail = `${name} is valid until ${until}, ${days} more days`;
  return toMs - nowMs < SOON_MS ? { state: "warn", detail: `${detail}: have it renewed` } : { state: "ok", detail };
}
