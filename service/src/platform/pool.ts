// A pool of PostgreSQL connections that can be rebuilt, at another size or the same, while it is in use, and that moves to
// another host when the one it was on is no longer the one to use.
//
// Promise: nobody sees an error for it. New work goes to new connections at once; whoever holds or waits for an old one is
// served from the old pool, which ends when the last has given it back. So at most old + new connections are open, and
// rebuilds take turns to keep it so: the next begins when the last one's old connections are gone, or after
// `LONGEST_DRAIN_MS` without them, so that one transaction that never ends does not hold up every later rebuild.
// After a fault that casts doubt on the host, the next connection asked for is to whichever host is found then; connections
// to another one serve out what they have begun, which a statement's time limit ends where the host died without a word.
// Not here: how large a pool should be (connection-budget.ts), when it is rebuilt (pool-reload.ts), which host it is
// (writable-host.ts).
import { setTimeout as pause } from "node:timers/promises";
import { type ClientConfig, Pool, type PoolClient, type QueryResult } from "pg";
import { castsDoubt, isTimeout } from "./postgres-faults.ts";
import type { WritableHost } from "./writable-host.ts";

const LONGEST_DRAIN_MS = 30_000;
/** The host known last, then the one that was found instead. */
const MOST_ATTEMPTS = 2;

/** `left` = old connections that somebody still held when the wait for them was given up; they end when given back. */
export type Rebuilt = Readonly<{ size: number; left: number }>;

export class RebuildablePool {
  readonly #host: WritableHost;
  #current: Generation;
  #turn: Promise<unknown> = Promise.resolve();
  /** Until the connections to hosts that were left are gone. */
  #leaving: Promise<unknown> = Promise.resolve();
  #ending: Promise<void> | null = null;

  constructor(host: WritableHost, size: number) {
    this.#host = host;
    this.#current = new Generation(host, host.config, size);
  }

  /** For Kysely, which cancels queries over a connection made alike. */
  get options(): ClientConfig {
    return this.#host.config;
  }

  get size(): number {
    return this.#current.size;
  }

  /** Connections open now, those of a rebuild's old pool aside. */
  get totalCount(): number {
    return this.#current.totalCount;
  }

  /** The caller releases it, with `true` when it is of no use any more. */
  async connect(): Promise<PoolClient> {
    for (let attempt = 1; ; attempt++) {
      this.#moveTo(await this.#host.find());
      const { config } = this.#current;
      try {
        return await this.#current.connect();
      } catch (fault) {
        this.#host.doubt(config);
        // With one host nothing else would be tried.
        if (attempt === MOST_ATTEMPTS || this.#host.config === config) throw fault;
      }
    }
  }

  /** One statement. A connection on which it failed is given up. */
  async query(text: string, values: unknown[] = []): Promise<QueryResult> {
    const client = await this.connect();
    try {
      const result = await client.query(text, values);
      client.release();
      return result;
    } catch (fault) {
      client.release(true);
      throw fault;
    }
  }

  /** Resolves when the old connections are gone. */
  rebuild(size: number): Promise<Rebuilt> {
    const turn = this.#turn.then(() => this.#replace(size));
    this.#turn = turn;
    return turn;
  }

  end(): Promise<void> {
    this.#ending ??= Promise.all([this.#current.end(), this.#turn, this.#leaving]).then(() => undefined);
    return this.#ending;
  }

  #moveTo(config: ClientConfig): void {
    if (this.#ending !== null || this.#current.config === config) return;
    const old = this.#current;
    this.#current = new Generation(this.#host, config, old.size);
    this.#leaving = Promise.all([this.#leaving, old.end()]);
  }

  async #replace(size: number): Promise<Rebuilt> {
    if (this.#ending !== null) return { size: this.size, left: 0 };
    const old = this.#current;
    this.#current = new Generation(this.#host, old.config, size);
    const waiting = new AbortController();
    const waited = pause(LONGEST_DRAIN_MS, undefined, { ref: false, signal: waiting.signal }).catch(() => undefined);
    await Promise.race([old.end(), waited]);
    waiting.abort();
    return { size, left: old.open };
  }
}

/** One pool of `pg`, and what it does not tell by itself: who still waits for a connection, and when the last is closed. */
class Generation {
  readonly config: ClientConfig;
  readonly size: number;
  readonly #pool: Pool;
  readonly #asked = new Set<Promise<PoolClient>>();
  readonly #closed = Promise.withResolvers<void>();
  #open = 0;
  #isRetired = false;

  constructor(host: WritableHost, config: ClientConfig, size: number) {
    this.config = config;
    this.size = size;
    this.#pool = new Pool({ ...config, max: size, onConnect: (client) => host.check(client) });
    // A fault is reported by whatever uses the connection next. Without a listener it would end the process: on the pool
    // for connections that lie idle, on each connection for one that breaks between two queries of a transaction.
    this.#pool.on("error", () => undefined);
    this.#pool.on("connect", (client) => {
      this.#open += 1;
      client.on("error", () => host.doubt(config));
      watchFaults(client, (fault) => {
        if (castsDoubt(fault)) host.doubt(config);
        // What was asked is still being waited for on this connection, so whoever has it next would wait behind it.
        if (isTimeout(fault)) client.end().catch(() => undefined);
      });
    });
    this.#pool.on("remove", () => {
      this.#open -= 1;
      this.#closeWhenEmpty();
    });
  }

  get open(): number {
    return this.#open;
  }

  get totalCount(): number {
    return this.#pool.totalCount;
  }

  connect(): Promise<PoolClient> {
    const asked = this.#pool.connect();
    this.#asked.add(asked);
    const forget = () => this.#asked.delete(asked);
    asked.then(forget, forget);
    return asked;
  }

  /** `pg` forgets whoever waits when a pool is told to end, so they are waited for first; nobody new comes any more. */
  async end(): Promise<void> {
    await Promise.allSettled(this.#asked);
    await this.#pool.end();
    this.#isRetired = true;
    this.#closeWhenEmpty();
    await this.#closed.promise;
  }

  #closeWhenEmpty(): void {
    if (this.#isRetired && this.#open === 0) this.#closed.resolve();
  }
}

/** Tells of every statement that fails on this connection, whoever has it. */
function watchFaults(client: PoolClient, failed: (fault: unknown) => void): void {
  const query = client.query.bind(client) as (...asked: readonly unknown[]) => unknown;
  const watched = (...asked: readonly unknown[]) => {
    const answer = query(...asked);
    if (answer instanceof Promise) answer.catch(failed);
    return answer;
  };
  client.query = watched as typeof client.query;
}
