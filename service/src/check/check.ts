// The story of one check: the policies in memory say what it must obey, the counters take, the answer explains.
//
// Promises: no wait but the counters'; every outage is answered (fallback/), only a broken promise throws. Checks of one
// tenant are decided in array order, different tenants at the same time. After a take without an answer a tenant's later
// checks of the batch do not wait again: its Fallback answers them too.
// Not here: what an answer says (decision.ts, uncounted.ts, fallback-answer.ts) and how it reaches the caller (doors).
import { type Answered, type Counters, MAX_CHECKS_PER_TAKE, type TakenCheck } from "../counters/counters.ts";
import type { LimitHitNotes } from "../limit-hits/limit-hit.ts";
import type { Answer } from "./answer.ts";
import { type Asked, ask, type Counted, type PolicyUnknown, type PolicyView, type Uncounted } from "./asked.ts";
import { decisionOf } from "./decision.ts";
import { type FallbackParts, standIn, standInForTake } from "./fallback-answer.ts";
import type { Checks } from "./input.ts";
import { limitHitOf } from "./refused-check.ts";
import { takeOf } from "./take.ts";
import { uncountedAnswer } from "./uncounted.ts";

/** What a check needs of them. */
export type CheckCounters = Pick<Counters, "take" | "nowMs">;

export type CheckParts = FallbackParts &
  Readonly<{ policies: PolicyView; counters: CheckCounters; maxUsersPerDay: number; limitHits: LimitHitNotes }>;

export function createChecks(parts: CheckParts): Checks {
  const { policies, calendar, counters } = parts;
  return {
    async check(input, traceId) {
      const asked = ask(policies, calendar, input, traceId, counters.nowMs());
      if (asked.kind !== "counted") return noted(parts, asked, answerAtOnce(parts, asked));
      const [answer] = await answerInOrder(parts, [asked]);
      return noted(parts, asked, answer as Answer);
    },
    async checkBatch(inputs, traceId) {
      const nowMs = counters.nowMs();
      const everyAsked = inputs.map((input) => ask(policies, calendar, input, traceId, nowMs));
      const counted = everyAsked.filter((asked) => asked.kind === "counted");
      const ofTenants = [...Map.groupBy(counted, (asked) => asked.tenant.id).values()];
      const answersOf = new Map<Asked, Answer>();
      const answering = ofTenants.map(async (ofTenant) => {
        const answers = await answerInOrder(parts, ofTenant);
        for (const [i, asked] of ofTenant.entries()) answersOf.set(asked, answers[i] as Answer);
      });
      await Promise.all(answering);
      return everyAsked.map((asked) =>
        noted(parts, asked, asked.kind === "counted" ? (answersOf.get(asked) as Answer) : answerAtOnce(parts, asked)),
      );
    },
  };
}

/** One tenant's checks, in takes of at most MAX_CHECKS_PER_TAKE, each after the one before. */
async function answerInOrder(parts: CheckParts, asked: readonly Counted[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let from = 0; from < asked.length; from += MAX_CHECKS_PER_TAKE) {
    const some = asked.slice(from, from + MAX_CHECKS_PER_TAKE);
    const taken = await parts.counters.take(takeOf(some, parts.maxUsersPerDay));
    if (taken.kind === "unavailable") {
      return answers.concat(standInForTake(parts, asked.slice(from), some.length, taken, parts.counters.nowMs()));
    }
    for (const [i, one] of some.entries()) answers.push(countedAnswer(parts, one, taken, taken.checks[i]));
  }
  return answers;
}

function countedAnswer(parts: CheckParts, asked: Counted, answered: Answered, taken: TakenCheck | undefined): Answer {
  const answer = taken === undefined ? null : decisionOf(asked, taken, answered, parts.quotaStatus);
  if (taken === undefined || answer === null) {
    // The reply contradicts itself, so nothing can be said from it. It refused or is unreadable: nothing is pending.
    return standIn(parts, asked, { cause: "store_error", probeInMs: null, nowMs: answered.nowMs }).answer;
  }
  parts.fallback.counted(asked.tenant.id, asked.input.user, asked.resolution, taken, answered);
  return answer;
}

function answerAtOnce(parts: CheckParts, asked: Uncounted | PolicyUnknown): Answer {
  if (asked.kind !== "policy_unknown") return uncountedAnswer(asked);
  return standIn(parts, asked, { cause: "policy_unknown", probeInMs: asked.retryInMs, nowMs: asked.nowMs }).answer;
}

/** A refusal is noted in memory and nobody waits for it; a look leaves no trace. */
function noted(parts: CheckParts, asked: Asked, answer: Answer): Answer {
  const { decision } = answer;
  if (!decision.allowed && asked.input.cost > 0) {
    parts.limitHits.note(limitHitOf(asked, decision, parts.counters.nowMs()));
  }
  return answer;
}
