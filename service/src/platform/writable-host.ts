// Knows which of the hosts of a PostgreSQL to connect to now.
//
// With one host that is simple. With several, all are asked at once and the first that will do is remembered until it is
// doubted: a statement failed as on a server that is going, or that takes no writes, or a connection could not be made.
// Promise: a search takes at most `SEARCH_TIMEOUT_MS`, and whoever asks meanwhile shares it. Nothing is looked for unless
// somebody asks. Two hosts that both take writes are not told apart: that there is one only is the cluster's promise.
// Not here: what becomes of connections to a host that is left (pool.ts).
import { Client, type ClientConfig } from "pg";

/** A host that is gone without a word must not hold up the others, nor the next search. */
const SEARCH_TIMEOUT_MS = 1_000;

// `query_timeout` is read by pg for each query, and unknown to its types.
const ASKED = { text: "show transaction_read_only", query_timeout: SEARCH_TIMEOUT_MS };

export class WritableHost {
  readonly #configs: readonly [ClientConfig, ...ClientConfig[]];
  readonly #mustTakeWrites: boolean;
  #known: ClientConfig | null;
  #searching: Promise<ClientConfig> | null = null;

  constructor(configs: readonly [ClientConfig, ...ClientConfig[]], mustTakeWrites: boolean) {
    this.#configs = configs;
    this.#mustTakeWrites = mustTakeWrites;
    this.#known = this.#isAlone ? configs[0] : null;
  }

  /** The best guess: the host known last. */
  get config(): ClientConfig {
    return this.#known ?? this.#configs[0];
  }

  /** Rejects when no host will do. */
  async find(): Promise<ClientConfig> {
    if (this.#known !== null) return this.#known;
    this.#searching ??= this.#search().finally(() => {
      this.#searching = null;
    });
    return await this.#searching;
  }

  /** The next `find` searches. A host that is the only one stays. */
  doubt(config: ClientConfig): void {
    if (this.#known === config && !this.#isAlone) this.#known = null;
  }

  /** Rejects when the server at the other end does not take writes, and must. */
  async check(client: Pick<Client, "query">): Promise<void> {
    if (!this.#mustTakeWrites) return;
    const { rows } = await client.query<{ transaction_read_only: string }>(ASKED);
    if (rows[0]?.transaction_read_only !== "off") throw new HostRefused("The server takes no writes: it is a standby.");
  }

  get #isAlone(): boolean {
    return this.#configs.length === 1;
  }

  async #search(): Promise<ClientConfig> {
    try {
      const found = await Promise.any(this.#configs.map((config) => this.#ask(config)));
      this.#known = found;
      return found;
    } catch (fault) {
      const because = fault instanceof AggregateError ? fault.errors.map(messageOf).join(" ") : messageOf(fault);
      throw new HostRefused(`None of the ${this.#configs.length} hosts of PostgreSQL will do. ${because}`);
    }
  }

  async #ask(config: ClientConfig): Promise<ClientConfig> {
    const client = new Client({ ...config, connectionTimeoutMillis: SEARCH_TIMEOUT_MS });
    client.on("error", () => undefined);
    try {
      await client.connect();
      await this.check(client);
      return config;
    } finally {
      // Not waited for: a server that has fallen silent does not say goodbye.
      client.end().catch(() => undefined);
    }
  }
}

/** No host can be used now. The code is that of a connection that could not be made. */
class HostRefused extends Error {
  readonly code = "08001";
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}
