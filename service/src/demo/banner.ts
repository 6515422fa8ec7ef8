// What a newcomer reads after `npm start`: where things are, what survives, how to stop, and one curl on a line of its own.
import { DEMO_ADMIN } from "../config-rules.ts";

export type BannerFacts = Readonly<{
  checkUrl: string;
  adminUrl: string;
  opsUrl: string | null;
  /** Of the embedded database; null = an external PostgreSQL. */
  dataFolder: string | null;
  survives: "embedded" | "redis";
}>;

export function bannerOf({ checkUrl, adminUrl, opsUrl, dataFolder, survives }: BannerFacts): string {
  const policies = dataFolder === null ? "in your PostgreSQL" : `in ${dataFolder}, and survive a restart`;
  const counts =
    survives === "redis"
      ? "in your Redis"
      : "in this process; quotas come back with the database, rates start from zero";
  return `
Sluice is ready.

  Checks     ${checkUrl}
  Admin API  ${adminUrl}   (sign in as ${DEMO_ADMIN.login} with ${DEMO_ADMIN.password})
  Operations ${opsUrl ?? "(another port)"}/livez /readyz?verbose /metrics
  Policies   ${policies}
  Counters   ${counts}
  Callers    need no credential in the dev profile
  Stop       Ctrl-C

Tenants acme (plan FREE) and globex (plan PRO) are there to ask about, and a little traffic is running. Try:

curl -s -X POST ${checkUrl} -H 'content-type: application/json' -d '{"tenantId":"acme","userId":"kim","apiPath":"/v1/report/export","httpMethod":"POST"}'

`;
}
