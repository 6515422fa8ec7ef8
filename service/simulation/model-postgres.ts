// The model of PostgreSQL: the rows that the service keeps there, transactions with the locks they hold, and its histories.
//
// A statement is a function that reads and changes the state alone, as one under READ COMMITTED that touches few rows does.
// What is written inside a transaction is seen at its commit. A database that was set back is another history: a greater
// timeline, and the rows of then.
// Not here: what the statements are (statements/), the way to it (postgres-link.ts).
import type { Scope } from "@sluice/contract";
import type { QuotaTotal, UsageTotal } from "../src/usage/total-rows.ts";
import { Outage } from "./outage.ts";

export type PlanLimits = Readonly<{ perMinute: number; quotaPerDay: number; quotaPerMonth: number }>;

export type Writer = Readonly<{
  flushedAtMs: number;
  ended: "CLOSED" | "HARVESTED" | null;
  harvestUntilMs: number;
  harvestedAtMs: number;
}>;

export type AdjustmentRow = Readonly<{
  tenant: string;
  scope: Scope;
  api: string | null;
  user: string | null;
  window: "quotaDay" | "month";
  label: number;
  amount: number;
  /** Of what was cut, what came off `since`, and the generation that was counted in. */
  offSince: number;
  generation: number;
}>;

export type DatabaseState = {
  timeline: number;
  version: number;
  limits: PlanLimits;
  readonly usage: Map<string, UsageTotal>;
  readonly quotas: Map<string, QuotaTotal>;
  readonly adjustments: Map<string, AdjustmentRow>;
  readonly writers: Map<string, Writer>;
  /** Under which each tenant's quotas were last written, and the restore that is owed because of that. */
  readonly generations: Map<string, Readonly<{ generation: number; debt: string | null }>>;
  searchedAtMs: number;
};

/** Whether rows of a generation stand apart from those of the one that is asked for. */
export function isOtherGeneration(generation: number, asked: number): boolean {
  return generation !== asked;
}

/** `lock` is a tenant's: shared by restores, held alone by an adjustment. */
export class Transaction {
  isOpen = true;
  readonly writes: ((state: DatabaseState) => void)[] = [];
  readonly shared = new Set<string>();
  readonly alone = new Set<string>();
}

export class ModelPostgres {
  state: DatabaseState;
  readonly nowMs: () => number;
  /** Connections are refused. */
  isAway = false;
  /** Nothing is answered, and what was asked meanwhile runs afterwards. */
  silentUntilMs = 0;
  /** Statements run, and their answers are lost. */
  forgetsAnswers = false;
  isApart = isOtherGeneration;
  /** What a read of the policies finds of their version. */
  versionSeen = (version: number) => version;
  #backup: DatabaseState;
  #timelines = 1;
  readonly #transactions = new Set<Transaction>();

  constructor(limits: PlanLimits, nowMs: () => number) {
    this.nowMs = nowMs;
    const empty = { usage: new Map(), quotas: new Map(), adjustments: new Map() };
    this.state = {
      timeline: 1,
      version: 1,
      limits,
      searchedAtMs: 0,
      ...empty,
      writers: new Map(),
      generations: new Map(),
    };
    this.#backup = copyOf(this.state);
  }

  /** Somebody said that he harvests this one, and is not heard of since. */
  get isHarvestPending(): boolean {
    return [...this.state.writers.values()].some(
      ({ ended, harvestUntilMs }) => ended === null && harvestUntilMs > this.nowMs(),
    );
  }

  backUp(): void {
    this.#backup = copyOf(this.state);
  }

  setBack(): void {
    for (const transaction of this.#transactions) this.end(transaction);
    this.#timelines += 1;
    this.state = { ...copyOf(this.#backup), timeline: this.#timelines };
  }

  begin(): Transaction {
    const transaction = new Transaction();
    this.#transactions.add(transaction);
    return transaction;
  }

  /** False while somebody else holds what would be locked. */
  lock(transaction: Transaction, tenants: readonly string[], how: "shared" | "alone"): boolean {
    const others = [...this.#transactions].filter((other) => other !== transaction);
    const isFree = tenants.every((tenant) => {
      return others.every(({ shared, alone }) => !alone.has(tenant) && (how === "shared" || !shared.has(tenant)));
    });
    if (isFree) for (const tenant of tenants) transaction[how].add(tenant);
    return isFree;
  }

  commit(transaction: Transaction): void {
    if (!transaction.isOpen) throw new Outage("Connection terminated unexpectedly");
    for (const write of transaction.writes) write(this.state);
    this.end(transaction);
  }

  /** What was not committed is gone, and so are its locks. */
  end(transaction: Transaction): void {
    transaction.isOpen = false;
    this.#transactions.delete(transaction);
  }
}

function copyOf(state: DatabaseState): DatabaseState {
  return {
    ...state,
    usage: new Map(state.usage),
    quotas: new Map(state.quotas),
    adjustments: new Map(state.adjustments),
    writers: new Map(state.writers),
    generations: new Map(state.generations),
  };
}
