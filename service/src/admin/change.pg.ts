// One change through the Admin API: one transaction that holds what is changed, its audit rows, the answer kept for its
// Idempotency-Key, and, as its last statement, the new policy version.
//
// Promise: all of it or nothing; exactly one audit row for each thing the change says it changed. A change that must
// compare an ETag and did not is a fault of ours and rolls back.
// Not here: what a change does (*.admin.ts), who may (access.ts), the order of locks (policy-changes.pg.ts).
import { type Kysely, sql, type Transaction } from "kysely";
import { appendAudit } from "../audit/audit-append.pg.ts";
import type { AuditEntry } from "../audit/audit-record.ts";
import type { AuditTables } from "../audit/audit-tables.ts";
import type { Actor } from "../auth/actor.ts";
import { Refusal } from "../platform/refusal.ts";
import { changePolicies, type PolicyTransaction } from "../policies/policy-changes.pg.ts";
import type { PolicyTables, RowKind } from "../policies/policy-tables.ts";
import type { AdminTables } from "./admin-tables.ts";
import { claimIdempotencyKey, type IdempotentRequest, type KeptAnswer, keepAnswer } from "./idempotency.pg.ts";
import type { AskedByUser, AuditedChange, Changed, ChangeRoute, Origin, Shape } from "./route.admin.ts";

/** A change waits this long for rows that another one holds, and takes this long at most. */
const LOCK_TIMEOUT_MS = 3_000;
const STATEMENT_TIMEOUT_MS = 10_000;

export type Change = Readonly<{
  sql: Transaction<AdminTables>;
  /** What the repository of plans, tenants and policies works in. */
  policies: PolicyTransaction;
  /** Names a row of plans, tenants or policies that is written. */
  touch: (kind: RowKind, key: string) => void;
  /** Refuses unless the request named this ETag: the row's, read FOR UPDATE. */
  matchEtag: (etag: string) => void;
}>;

export type ChangeRequest = Readonly<{
  asked: AskedByUser<Shape>;
  /** The ETag of If-Match; null = none was sent. */
  ifMatch: string | null;
  idempotent: IdempotentRequest | null;
}>;

export type ChangeAnswer = Readonly<{
  status: number;
  body: string | null;
  etag: string | null;
  location: string | null;
}>;

export async function runChange(
  database: Kysely<AdminTables>,
  route: ChangeRoute,
  { asked, ifMatch, idempotent }: ChangeRequest,
): Promise<ChangeAnswer> {
  const prepared = await route.prepare?.(asked);
  const done = changePolicies(database.$pickTables<keyof PolicyTables>(), async (policies) => {
    const transaction = policies.sql as unknown as Transaction<AdminTables>;
    await setTimeouts(transaction);
    const kept = idempotent === null ? null : await claimIdempotencyKey(transaction, idempotent);
    if (kept !== null) return again(kept);
    let compared = false;
    const given: Change = {
      sql: transaction,
      policies,
      touch: policies.touch,
      matchEtag: (etag) => {
        compared = true;
        if (etag !== ifMatch) throw new Refusal("STALE", "The row was changed since you read it: read it again.");
      },
    };
    const changed = await route.change(asked, given, prepared);
    if (route.needsEtag === true && !compared) throw new Error(`${route.action} compared no ETag`);
    const answer = answerOf(changed);
    if (changed.isTrial === true) throw new Trial(answer);
    for (const audit of changed.audits) {
      await appendAudit(transaction.$pickTables<keyof AuditTables>(), entryOf(route, asked, audit));
    }
    if (idempotent !== null) {
      await keepAnswer(transaction, idempotent, route.answersSecret === true ? { ...answer, body: null } : answer);
    }
    return answer;
  });
  return await done.then(
    ({ result }) => result,
    (thrown: unknown) => {
      if (thrown instanceof Trial) return thrown.answer;
      throw thrown;
    },
  );
}

/** Takes the answer out of a transaction that rolls back. */
class Trial extends Error {
  readonly answer: ChangeAnswer;

  constructor(answer: ChangeAnswer) {
    super("a trial is undone");
    this.answer = answer;
  }
}

async function setTimeouts(transaction: Transaction<AdminTables>): Promise<void> {
  await sql`select set_config('lock_timeout', ${String(LOCK_TIMEOUT_MS)}, true),
    set_config('statement_timeout', ${String(STATEMENT_TIMEOUT_MS)}, true)`.execute(transaction);
}

function again(kept: KeptAnswer): ChangeAnswer {
  if (kept.body !== null || kept.status === 204) return kept;
  throw new Refusal(
    "CONFLICT",
    `The first request with this Idempotency-Key was done, and its answer held a secret that is shown once. ` +
      `What it made is at ${kept.location ?? "its place"}: replace it if the secret is lost.`,
  );
}

function answerOf({ status = 200, body, etag, location }: Changed): ChangeAnswer {
  return {
    status,
    body: body === undefined ? null : JSON.stringify(body),
    etag: etag ?? null,
    location: location ?? null,
  };
}

function entryOf(
  { action }: ChangeRoute,
  { actor, origin }: { actor: Actor; origin: Origin },
  audit: AuditedChange,
): AuditEntry {
  const { userId: id, loginId: login, role } = actor;
  return { actor: { kind: "USER", id, login, role }, action, outcome: "DONE", ...audit, origin };
}
