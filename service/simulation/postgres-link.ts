// The connections of one process to the model of PostgreSQL: statements that arrive, run and answer after a while, or fail
// at any of these steps, so that it is not known whether they ran.
//
// It is handed to real code in the place of its pool. Nothing but `connect`, `query` and what statements/ asks is there.
import type { RebuildablePool } from "../src/platform/pool.ts";
import type { DatabaseState, isOtherGeneration, ModelPostgres, Transaction } from "./model-postgres.ts";
import { Outage } from "./outage.ts";
import type { Random } from "./random.ts";
import type { Life, VirtualTime } from "./virtual-time.ts";

/** Locks are waited for; a server that is away is tried by whoever asks again. */
const LOCK_AGAIN_MS = 5;

export type Statement<Answer> = (state: DatabaseState, nowMs: number) => Answer;

export class PostgresLink {
  readonly #database: ModelPostgres;
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #life: Life;
  readonly #open = new Set<Transaction>();

  constructor(database: ModelPostgres, time: VirtualTime, random: Random, life: Life) {
    this.#database = database;
    this.#time = time;
    this.#random = random;
    this.#life = life;
  }

  versionSeen(version: number): number {
    return this.#database.versionSeen(version);
  }

  get isApart(): typeof isOtherGeneration {
    return this.#database.isApart;
  }

  /** In a transaction of its own. */
  run<Answer>(statement: Statement<Answer>, timeoutMs: number): Promise<Answer> {
    const database = this.#database;
    return this.#reach(() => ({ done: true, answer: statement(database.state, database.nowMs()) }), timeoutMs);
  }

  /** Rolled back unless `work` ends well and the commit is answered. */
  async transact<Answer>(timeoutMs: number, work: (transaction: Transaction) => Promise<Answer>): Promise<Answer> {
    const transaction = await this.begin(timeoutMs);
    try {
      const answer = await work(transaction);
      await this.commit(transaction, timeoutMs);
      return answer;
    } catch (fault) {
      this.rollBack(transaction);
      throw fault;
    }
  }

  async begin(timeoutMs: number): Promise<Transaction> {
    const database = this.#database;
    return await this.#reach(() => {
      const transaction = database.begin();
      this.#open.add(transaction);
      if (!this.#life.isAlive) this.rollBack(transaction);
      return { done: true, answer: transaction };
    }, timeoutMs);
  }

  async inside<Answer>(transaction: Transaction, statement: Statement<Answer>, timeoutMs: number): Promise<Answer> {
    const database = this.#database;
    return await this.#reach(() => {
      requireOpen(transaction);
      return { done: true, answer: statement(database.state, database.nowMs()) };
    }, timeoutMs);
  }

  async lock(
    transaction: Transaction,
    tenants: readonly string[],
    how: "shared" | "alone",
    timeoutMs: number,
  ): Promise<void> {
    await this.#reach(() => {
      requireOpen(transaction);
      return { done: this.#database.lock(transaction, tenants, how), answer: undefined };
    }, timeoutMs);
  }

  async commit(transaction: Transaction, timeoutMs: number): Promise<void> {
    await this.#reach(() => ({ done: true, answer: this.#database.commit(transaction) }), timeoutMs);
    this.#open.delete(transaction);
  }

  rollBack(transaction: Transaction): void {
    this.#database.end(transaction);
    this.#open.delete(transaction);
  }

  /** The process is dead: the server notices. */
  hangUp(): void {
    for (const transaction of this.#open) this.rollBack(transaction);
  }

  #reach<Answer>(attempt: () => { done: boolean; answer: Answer }, timeoutMs: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const later = (waitMs: number, act: () => void) => this.#time.after(waitMs, act, this.#life);
      const cancelTimeout = later(timeoutMs, () => reject(new Outage("Query read timeout")));
      const end = (act: () => void) => {
        cancelTimeout();
        later(this.#hopMs(), act);
      };
      const giveUpMs = this.#time.nowMs + timeoutMs;
      const arrive = () => {
        const database = this.#database;
        if (database.isAway) return end(() => reject(new Outage("connect ECONNREFUSED")));
        const silentMs = database.silentUntilMs - this.#time.nowMs;
        if (silentMs > 0) return void this.#time.after(silentMs + this.#hopMs(), arrive, null);
        try {
          const { done, answer } = attempt();
          if (done && database.forgetsAnswers)
            return end(() => reject(new Outage("Connection terminated unexpectedly")));
          if (done) return end(() => resolve(answer));
        } catch (fault) {
          return end(() => reject(fault));
        }
        if (this.#time.nowMs < giveUpMs) this.#time.after(LOCK_AGAIN_MS, arrive, null);
      };
      // Half of them arrive before anything else can happen.
      if (this.#random.chance(0.5)) arrive();
      else this.#time.after(this.#hopMs(), arrive, null);
    });
  }

  #hopMs(): number {
    return 0.3 + this.#random.next() * (this.#random.chance(0.1) ? 30 : 2);
  }
}

function requireOpen(transaction: Transaction): void {
  if (!transaction.isOpen) throw new Outage("Connection terminated unexpectedly");
}

/** What a transaction of restore-batch.pg.ts speaks with: begin, commit, and the statements that statements/sums.ts hands over. */
class ModelClient {
  readonly #link: PostgresLink;
  #transaction: Transaction | null = null;

  constructor(link: PostgresLink) {
    this.#link = link;
  }

  async query({ text, values, query_timeout }: ModelQuery): Promise<{ rows: unknown }> {
    if (text.startsWith("begin")) this.#transaction = await this.#link.begin(query_timeout);
    else if (this.#transaction === null)
      throw new Error(`"${text}" outside a transaction: the model has no such thing.`);
    else if (text === "commit") await this.#link.commit(this.#transaction, query_timeout);
    else if (text === MODEL_STATEMENT) {
      return { rows: await (values[0] as InTransaction)(this.#link, this.#transaction, query_timeout) };
    }
    // Settings of the transaction mean nothing to the model.
    return { rows: [] };
  }

  release(): void {
    if (this.#transaction !== null) this.#link.rollBack(this.#transaction);
  }
}

/** The text of a statement whose one value is what it does. */
export const MODEL_STATEMENT = "a statement of the model";

type ModelQuery = Readonly<{ text: string; values: readonly unknown[]; query_timeout: number }>;
export type InTransaction = (link: PostgresLink, transaction: Transaction, timeoutMs: number) => Promise<unknown>;

/** What real code takes for its pool. */
export function poolOf(link: PostgresLink): RebuildablePool {
  return { link, connect: async () => new ModelClient(link) } as unknown as RebuildablePool;
}

/** The way back, in statements/. */
export function linkOf(pool: RebuildablePool): PostgresLink {
  return (pool as unknown as { link: PostgresLink }).link;
}
