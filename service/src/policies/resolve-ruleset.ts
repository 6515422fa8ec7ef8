// The policies of one target (a tenant, a plan, or everyone), compiled for matching and ranking.
//
// Rank within a target: overrides that are valid now, then the rest; among each, the more specific pattern, then the
// exact method before ANY. What that leaves equal (other scopes; overrides that overlap in time) is ordered by scope,
// then the later start, then the id: any fixed order would do, but it must be one.
import { SCOPES } from "@sluice/contract";
import type { Plan, Policy } from "./policy.ts";
import type { Slices } from "./snapshot-slices.ts";
import { MAX_VISITS, type PatternMatcher, PatternTrie } from "./trie.ts";
import { IntegerList } from "./trie-integers.ts";
import { PatternRows } from "./trie-rows.ts";
import { type PathWords, patternWords, type Words } from "./trie-words.ts";

export const ANY_METHOD = "ANY";

/** Immutable. `number` differs for every ruleset ever compiled in one lineage of snapshots. */
export type Ruleset = Readonly<{
  number: number;
  /** All policies of the target, disabled ones too. */
  policies: readonly Policy[];
  /** The target plan, for its own limits; null for another target, or when no such plan is known. */
  plan: Plan | null;
  matcher: PatternMatcher;
  /** By the pattern's number in the matcher. */
  patterns: readonly PatternPolicies[];
  hasOverrides: boolean;
}>;

/** The enabled policies of one pattern. */
type PatternPolicies = Readonly<{
  byMethod: ReadonlyMap<string, readonly Policy[]>;
  overrides: readonly Policy[];
}>;

export type Numbering = Readonly<{ words: Words; methods: Words; nextRuleset: () => number }>;

export function emptyRuleset(numbering: Numbering): Ruleset {
  const number = numbering.nextRuleset();
  return { number, policies: [], plan: null, matcher: new PatternTrie(), patterns: [], hasOverrides: false };
}

export async function compileRuleset(
  policies: readonly Policy[],
  plan: Plan | null,
  numbering: Numbering,
  slices: Slices,
): Promise<Ruleset> {
  const trie = new PatternTrie();
  const drafts: PatternDraft[] = [];
  let hasOverrides = false;
  for (const policy of policies) {
    if (!policy.enabled) continue;
    const words = patternWords(policy.apiPattern, numbering.words);
    const number = trie.add(words);
    drafts[number] ??= { byMethod: new Map(), overrides: [] };
    put(drafts[number], policy);
    numbering.methods.add(policy.httpMethod);
    hasOverrides ||= policy.validity !== null;
    if (slices.spent(words.length + 2)) await slices.rest();
  }
  for (const draft of drafts) {
    for (const group of draft.byMethod.values()) group.sort(byScopeThenStart);
    if (slices.spent(1)) await slices.rest();
  }
  const matcher = trie.visitsAtMost <= MAX_VISITS ? trie : await PatternRows.build(trie, slices);
  return { number: numbering.nextRuleset(), policies, plan, matcher, patterns: drafts, hasOverrides };
}

/**
 * Appends integers that stand for all that this ruleset says to the call: equal integers, equal ranking.
 * They are the ruleset, the patterns that match and, for each of their overrides, whether it is valid now.
 */
export function appendMatchKey(ruleset: Ruleset, path: PathWords, nowMs: number, key: IntegerList): void {
  key.push(ruleset.number);
  const start = key.length;
  ruleset.matcher.match(path, key);
  const end = key.length;
  key.push(END_OF_LIST);
  if (!ruleset.hasOverrides) return;
  for (let index = start; index < end; index += 1) {
    for (const override of ruleset.patterns[key.values[index] ?? 0]?.overrides ?? []) {
      key.push(isValidAt(override, nowMs) ? 1 : 0);
    }
  }
  key.push(END_OF_LIST);
}

/** The enabled policies of the target that match the call and are valid at `nowMs`, most specific first. */
export function rankedPolicies(ruleset: Ruleset, path: PathWords, httpMethod: string, nowMs: number): Policy[] {
  const numbers = new IntegerList();
  ruleset.matcher.match(path, numbers);
  const overrides: Policy[] = [];
  const others: Policy[] = [];
  for (const number of numbers.copy()) {
    for (const policy of ofMethod(ruleset.patterns[number], httpMethod)) {
      if (policy.validity === null) others.push(policy);
      else if (isValidAt(policy, nowMs)) overrides.push(policy);
    }
  }
  return [...overrides, ...others];
}

type PatternDraft = { byMethod: Map<string, Policy[]>; overrides: Policy[] };

const END_OF_LIST = -1;

function put(draft: PatternDraft, policy: Policy): void {
  const group = draft.byMethod.get(policy.httpMethod);
  if (group === undefined) draft.byMethod.set(policy.httpMethod, [policy]);
  else group.push(policy);
  if (policy.validity !== null) draft.overrides.push(policy);
}

function ofMethod(pattern: PatternPolicies | undefined, httpMethod: string): readonly Policy[] {
  const any = pattern?.byMethod.get(ANY_METHOD) ?? [];
  if (httpMethod === ANY_METHOD) return any;
  return [...(pattern?.byMethod.get(httpMethod) ?? []), ...any];
}

function isValidAt(policy: Policy, nowMs: number): boolean {
  const { validity } = policy;
  return validity !== null && nowMs >= validity.validFromMs && nowMs < validity.validUntilMs;
}

function byScopeThenStart(a: Policy, b: Policy): number {
  const byScope = SCOPES.indexOf(a.scope) - SCOPES.indexOf(b.scope);
  const byStart = (b.validity?.validFromMs ?? 0) - (a.validity?.validFromMs ?? 0);
  return byScope || byStart || (a.id < b.id ? -1 : 1);
}
