// One Redis node: its connection, its breaker, and the way back after a failure.
//
// Promise: a node is `ready` only after the scripts are loaded on this very connection and its shard token was read.
// While the breaker is open the connection is destroyed; probes through the real script on a reserved key of the node
// close it again. Nothing is queued for a node that is not ready, and nothing that was written is written again.
// Not here: which slots a node owns (shards.redis.ts), what a take means (counters.redis.ts).
import type { SecureContext } from "node:tls";
import { createClient, RESP_TYPES } from "redis";
import { Breaker } from "../platform/breaker.ts";
import { SCRIPTS } from "./scripts.redis.ts";
import { StoreClock } from "./store-clock.ts";

/** How often a node that is away is tried again, and a node with an open breaker is probed. */
export const PROBE_EVERY_MS = 100;
/** A node that refuses us: that is over when somebody has mended it, and a handshake costs both sides milliseconds. */
const REFUSED_RETRY_MS = 1_000;
/** For a certificate, theirs or ours (codes of Node and OpenSSL), or for what we call ourselves (first words of Redis). */
const TLS_REFUSALS = /CERT|_TLS_|_SSL_|UNABLE_TO_|^EPROTO$/;
const REDIS_REFUSALS = /^(WRONGPASS|NOAUTH|NOPERM)\b/;
const CONNECT_TIMEOUT_MS = 1_000;
/** That are told of a node that is away: a reason with a number in it would be another one each time. */
const MOST_REASONS = 10;
/** Without the client's own timeout: it would arm a timer of 5 s per command, and a deadline of ours bounds every take. */
const COMMAND_OPTIONS = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer }, timeout: 0 };

export type RedisAccess = Readonly<{
  username?: string;
  password?: string;
  /** Null = plain TCP. Made once: a node that is away is tried again and again, and to read PEM takes milliseconds. */
  tls: Readonly<{ secureContext: SecureContext; servername?: string }> | null;
}>;

export type NodeEvents = Readonly<{
  /** A new connection is ready. */
  connected: (node: RedisNode) => void;
  /** Cannot be connected to, and why; each reason once until it is connected again. */
  away: (node: RedisNode, because: string) => void;
  /** Connected, after it was told to be away. */
  back: (node: RedisNode) => void;
  breaker: (node: RedisNode, open: boolean) => void;
}>;

/**
 * Never connected. A client made anew builds a class with every command of Redis, some milliseconds each time: a node that
 * is away is tried ten times a second. A copy shares the class.
 */
const TEMPLATE = createClient({ disableOfflineQueue: true });

type Client = typeof TEMPLATE;

export class RedisNode {
  readonly address: string;
  readonly breaker = new Breaker();
  /** floor of the server's start in seconds: a part of the shard token. */
  startSecond = 0;
  readonly clock = new StoreClock();
  configEpoch = 0;
  /** A slot that this node owns, for the reserved key of probes; null = it owns none now. */
  probe: (() => Promise<boolean>) | null = null;
  nextProbeAtMs = 0;
  readonly #access: RedisAccess;
  readonly #events: NodeEvents;
  #client: Client | null = null;
  #timer: NodeJS.Timeout | null = null;
  #refusesUs = false;
  #connecting: Promise<void> | null = null;
  #loading: Promise<unknown> | null = null;
  #isAskedTime = false;
  readonly #toldAway = new Set<string>();
  #closed = false;

  constructor(address: string, access: RedisAccess, events: NodeEvents) {
    this.address = address;
    this.#access = access;
    this.#events = events;
  }

  get ready(): boolean {
    return this.#client !== null && !this.breaker.isOpen;
  }

  get connected(): boolean {
    return this.#client !== null;
  }

  /** Greater after every failover and every restart: (config epoch, start second) of the owner. */
  get shardToken(): number {
    return this.configEpoch * 2 ** 32 + this.startSecond;
  }

  /** Sends a command on the connection of now. Rejects at once when there is none. */
  send(args: string[]): Promise<unknown> {
    if (this.#client === null) return Promise.reject(new Error("not connected"));
    return this.#client.sendCommand(args, COMMAND_OPTIONS);
  }

  /** Two commands that must follow each other directly: `ASKING` and what it is for. */
  sendAsking(args: string[]): Promise<unknown> {
    this.send(["ASKING"]).catch(() => undefined);
    return this.send(args);
  }

  /** For its clock. One question at a time: one that is frozen would gather them for as long as it is. */
  askTime(): void {
    if (this.#isAskedTime) return;
    this.#isAskedTime = true;
    const observe = (reply: unknown) => {
      const [seconds, microseconds] = reply as [Buffer, Buffer];
      this.clock.observe(Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000));
    };
    void this.send(["TIME"])
      .then(observe)
      .catch(() => undefined)
      .finally(() => {
        this.#isAskedTime = false;
      });
  }

  failed(): void {
    if (!this.breaker.failed(performance.now())) return;
    this.#events.breaker(this, true);
    this.#drop();
    this.#retryLater();
  }

  /** Resolves when the attempt has ended, well or not: look at `connected`. One attempt at a time; none while it refuses us. */
  connect(): Promise<void> {
    if (this.#closed || this.#client !== null) return Promise.resolve();
    if (this.#refusesUs && this.#timer !== null) return Promise.resolve();
    this.#connecting ??= this.#greet().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async #greet(): Promise<void> {
    const client = this.#open();
    // The client bounds only the TCP handshake; a frozen server would keep its greeting waiting for ever.
    let because: string | null = null;
    const overdue = setTimeout(() => {
      because = `no answer within ${CONNECT_TIMEOUT_MS} ms`;
      client.destroy();
    }, CONNECT_TIMEOUT_MS);
    try {
      await client.connect();
      await Promise.all([
        ...SCRIPTS.map((script) => client.sendCommand(["SCRIPT", "LOAD", script.text])),
        this.#readStart(client),
      ]);
      if (this.#closed) return client.destroy();
      this.#client = client;
      this.#refusesUs = false;
      this.breaker.heard();
      this.#events.connected(this);
      if (this.#toldAway.size > 0) this.#events.back(this);
      this.#toldAway.clear();
      if (this.breaker.isOpen) this.#retryLater();
    } catch (fault) {
      if (client.isOpen) client.destroy();
      this.#tellAway(because ?? reasonOf(fault));
      this.#refusesUs = isRefusal(fault);
      this.#retryLater(this.#refusesUs ? REFUSED_RETRY_MS : PROBE_EVERY_MS);
    } finally {
      clearTimeout(overdue);
    }
  }

  #tellAway(because: string): void {
    if (this.#closed || this.#toldAway.has(because) || this.#toldAway.size >= MOST_REASONS) return;
    this.#toldAway.add(because);
    this.#events.away(this, because);
  }

  /** One load at a time, however many takes found their script gone. */
  loadScripts(): Promise<unknown> {
    this.#loading ??= Promise.all(SCRIPTS.map((script) => this.send(["SCRIPT", "LOAD", script.text]))).finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#drop();
  }

  #open(): Client {
    const colon = this.address.lastIndexOf(":");
    const socket = {
      host: this.address.slice(0, colon),
      port: Number(this.address.slice(colon + 1)),
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectStrategy: false as const,
    };
    const { username, password, tls } = this.#access;
    const client = TEMPLATE.duplicate({
      socket: tls === null ? socket : { ...socket, ...tls, tls: true },
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    });
    client.on("error", () => this.#lost(client));
    client.on("end", () => this.#lost(client));
    return client;
  }

  #lost(client: Client): void {
    if (this.#client !== client) return;
    this.#drop();
    this.#retryLater();
  }

  #drop(): void {
    const client = this.#client;
    this.#client = null;
    if (client?.isOpen) client.destroy();
  }

  #retryLater(inMs = PROBE_EVERY_MS): void {
    if (this.#closed || this.#timer !== null) return;
    this.nextProbeAtMs = performance.now() + inMs;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void (this.#client === null ? this.connect() : this.#probe());
    }, inMs);
  }

  async #probe(): Promise<void> {
    if (!this.breaker.isOpen || this.#closed) return;
    const good = this.probe === null ? true : await this.probe();
    if (this.breaker.probed(good, performance.now())) {
      this.#events.breaker(this, false);
      return;
    }
    if (!good) this.#drop();
    this.#retryLater();
  }

  async #readStart(client: Client): Promise<void> {
    const info = String(await client.sendCommand(["INFO", "server"]));
    const uptimeSeconds = Number(/uptime_in_seconds:(\d+)/.exec(info)?.[1] ?? 0);
    const nowMs = Math.floor(Number(/server_time_usec:(\d+)/.exec(info)?.[1] ?? 0) / 1e3);
    this.startSecond = Math.floor(nowMs / 1e3) - uptimeSeconds;
    this.clock.observe(nowMs);
  }
}

/** A name with several addresses fails with an error that says nothing but its code. */
function reasonOf(fault: unknown): string {
  if (!(fault instanceof Error)) return String(fault);
  return fault.message || String((fault as NodeJS.ErrnoException).code ?? fault.name);
}

function isRefusal(fault: unknown): boolean {
  if (!(fault instanceof Error)) return false;
  return TLS_REFUSALS.test((fault as NodeJS.ErrnoException).code ?? "") || REDIS_REFUSALS.test(fault.message);
}
