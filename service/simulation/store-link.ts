// The connection of one process to one shard: commands and replies in order, each after a while, and every way to lose them.
//
// It stands for node.redis.ts: `ready` only after the shard token was read anew; a connection that is cut rejects all that
// waits for a reply, whether or not it ran; the real breaker decides when a silent shard is let go, and probes bring it back.
// Not here: what a command does (model-redis.ts), what the caller makes of a loss (store-client.ts, settlement.redis.ts).
import { StoreClock } from "../src/counters/store-clock.ts";
import { Breaker } from "../src/platform/breaker.ts";
import { runCommand } from "./model-commands.ts";
import type { ModelRedis } from "./model-redis.ts";
import { Outage } from "./outage.ts";
import type { Random } from "./random.ts";
import type { Life, VirtualTime } from "./virtual-time.ts";

const PROBE_EVERY_MS = 100;

/** A shard, and what is wrong with the server it is on. */
export type ShardServer = {
  readonly redis: ModelRedis;
  isAway: boolean;
  frozenUntilMs: number;
  /** Each message takes so much longer. */
  slowByMs: number;
  /** Those of living processes. */
  readonly links: Set<StoreLink>;
};

type Waiting = { readonly reject: (fault: Error) => void };

export class StoreLink {
  readonly breaker = new Breaker();
  readonly clock = new StoreClock();
  readonly server: ShardServer;
  shardToken = 0;
  connected = false;
  nextProbeAtMs = 0;
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #life: Life;
  readonly #waiting = new Set<Waiting>();
  #lastArrivalMs = 0;
  #lastReplyMs = 0;
  /** Of this connection; commands of one that was cut may still run. */
  #connection = { isDropped: false };

  constructor(server: ShardServer, time: VirtualTime, random: Random, life: Life) {
    this.server = server;
    this.#time = time;
    this.#random = random;
    this.#life = life;
    server.links.add(this);
    this.#connect();
  }

  get ready(): boolean {
    return this.connected && !this.breaker.isOpen;
  }

  /** As real code does it: the command as texts. */
  send(args: string[]): Promise<unknown> {
    return this.run((redis) => runCommand(redis, args));
  }

  sendAsking(args: string[]): Promise<unknown> {
    return this.send(args);
  }

  run<Reply>(command: (redis: ModelRedis) => Reply): Promise<Reply> {
    if (!this.connected) return Promise.reject(new Outage("not connected"));
    return new Promise((resolve, reject) => {
      const waiting = { reject };
      const { shardToken } = this;
      const connection = this.#connection;
      this.#waiting.add(waiting);
      this.#lastArrivalMs = Math.max(this.#lastArrivalMs, this.#time.nowMs + this.#hopMs());
      const arrive = () => {
        const { server } = this;
        // What waited for a master that died meanwhile died with it.
        if (server.isAway || connection.isDropped || server.redis.token !== shardToken) return;
        if (server.frozenUntilMs > this.#time.nowMs) {
          this.#time.after(server.frozenUntilMs - this.#time.nowMs, arrive, null);
          return;
        }
        const reply = command(server.redis);
        this.#lastReplyMs = Math.max(this.#lastReplyMs, this.#time.nowMs + this.#hopMs());
        const received = () => {
          if (this.#waiting.delete(waiting)) resolve(reply);
        };
        this.#time.after(this.#lastReplyMs - this.#time.nowMs, received, this.#life);
      };
      this.#time.after(this.#lastArrivalMs - this.#time.nowMs, arrive, null);
    });
  }

  /** Nothing more is received; what is under way to the server may run or not. */
  cut(): void {
    if (!this.connected) return;
    this.connected = false;
    this.#connection.isDropped = this.#random.chance(0.5);
    const lost = [...this.#waiting];
    this.#waiting.clear();
    this.#time.after(
      0,
      () => {
        for (const { reject } of lost) reject(new Outage("Socket closed unexpectedly"));
      },
      this.#life,
    );
    this.#retryLater();
  }

  failed(): void {
    if (this.breaker.failed(performance.now())) this.cut();
  }

  #connect(): void {
    const { server } = this;
    if (server.isAway || server.frozenUntilMs > this.#time.nowMs) return this.#retryLater();
    this.#connection = { isDropped: false };
    this.#lastArrivalMs = 0;
    this.#lastReplyMs = 0;
    this.connected = true;
    this.breaker.heard();
    this.shardToken = server.redis.token;
    this.clock.observe(server.redis.clockMs);
    if (this.breaker.isOpen) this.#retryLater();
  }

  #retryLater(): void {
    this.nextProbeAtMs = performance.now() + PROBE_EVERY_MS;
    this.#time.after(PROBE_EVERY_MS, () => (this.connected ? this.#probe() : this.#connect()), this.#life);
  }

  #probe(): void {
    if (!this.breaker.isOpen || !this.connected) return;
    const { server } = this;
    const isGood = !server.isAway && server.frozenUntilMs <= this.#time.nowMs && server.slowByMs === 0;
    if (this.breaker.probed(isGood, performance.now())) return;
    if (isGood) this.#retryLater();
    else this.cut();
  }

  #hopMs(): number {
    const usualMs = 0.1 + this.#random.next() * (this.#random.chance(0.1) ? 4 : 0.7);
    return usualMs + this.server.slowByMs * this.#random.next();
  }
}
