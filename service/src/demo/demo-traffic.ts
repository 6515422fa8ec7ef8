// A little live traffic for the demo: about three checks a second, so that metrics move and limits are seen to act.
// Bounded by its interval; a check that fails is left alone, for the demo must not hide what the service says elsewhere.

const EVERY_MS = 300;

const CHECKS = [
  { tenantId: "acme", userId: "kim", apiPath: "/v1/report", httpMethod: "GET" },
  { tenantId: "acme", userId: "kim", apiPath: "/v1/report/export", httpMethod: "POST" },
  { tenantId: "globex", userId: "erika", apiPath: "/v1/orders", httpMethod: "GET" },
  { tenantId: "globex", apiPath: "/v1/orders/17", httpMethod: "PUT", cost: 5 },
];

/** Returns its end. */
export function startDemoTraffic(url: string): () => void {
  let next = 0;
  const timer = setInterval(() => {
    const body = JSON.stringify(CHECKS[next % CHECKS.length]);
    next += 1;
    const headers = { "content-type": "application/json" };
    fetch(url, { method: "POST", headers, body })
      .then((reply) => reply.arrayBuffer())
      .catch(() => undefined);
  }, EVERY_MS);
  return () => clearInterval(timer);
}
