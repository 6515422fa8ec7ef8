// The world of one simulation: the shards, the database, the processes in their slots, and who asks them.
// Not here: the plan (plan.ts), what goes wrong (happen.ts), the order of things (run.ts), what must hold (invariants.ts).
import { ANONYMOUS_USER, type Answered, type Take } from "../src/counters/counters.ts";
import { createKeys, type Keys } from "../src/counters/keys.ts";
import { slotOf } from "../src/counters/topology.ts";
import { compileSnapshot } from "../src/policies/snapshot-compile.ts";
import type { CompiledSnapshot } from "../src/policies/snapshot-compiled.ts";
import { adjustByHand, type PlannedAdjustment } from "./adjustment.ts";
import type { Broken } from "./broken.ts";
import { Journal, type ProcessRecord } from "./journal.ts";
import { ModelPostgres } from "./model-postgres.ts";
import { ModelRedis } from "./model-redis.ts";
import { Notifications } from "./notifications.ts";
import { Outage } from "./outage.ts";
import { type Ask, type Plan, SHARDS } from "./plan.ts";
import { PostgresLink } from "./postgres-link.ts";
import type { Random } from "./random.ts";
import { ServiceProcess } from "./service-process.ts";
import { sourceOf } from "./statements/policies.ts";
import { type ShardServer, StoreLink } from "./store-link.ts";
import { FIRST_LIMITS } from "./tenants.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** The same in every simulation: names, and what every process has in force at first. */
const KEYS: Keys = createKeys("sl:", "secret of the simulation");
const FIRST_SNAPSHOT = await compileSnapshot(
  sourceOf({ timeline: 1, version: 1, limits: FIRST_LIMITS }),
  async () => {},
);

export type Running = Readonly<{ slot: number; process: ServiceProcess; record: ProcessRecord }>;

export class World {
  readonly journal = new Journal();
  readonly keys = KEYS;
  readonly time: VirtualTime;
  readonly shards: readonly ShardServer[];
  readonly database: ModelPostgres;
  readonly notifications: Notifications;
  /** By slot. */
  readonly running = new Map<number, Running>();
  /** Adjustments of which nobody knows whether they happened. */
  readonly unsure = new Set<PlannedAdjustment>();
  readonly #broken: Broken | null;
  readonly #plan: Plan;
  readonly #random: Random;

  constructor(plan: Plan, time: VirtualTime, random: Random, broken: Broken | null) {
    this.#broken = broken;
    this.#plan = plan;
    this.#random = random;
    this.time = time;
    const nowMs = () => time.nowMs;
    this.shards = Array.from({ length: SHARDS }, () => {
      const redis = new ModelRedis(KEYS, nowMs);
      return { redis, isAway: false, frozenUntilMs: 0, slowByMs: 0, links: new Set<StoreLink>() };
    });
    this.database = new ModelPostgres(FIRST_LIMITS, nowMs);
    this.notifications = new Notifications(time, random);
    broken?.world?.(this);
    for (let slot = 0; slot < plan.processes; slot += 1) this.start(slot);
  }

  shardOf(tenant: string): number {
    return slotOf(tenant) % SHARDS;
  }

  start(slot: number): void {
    if (this.running.has(slot)) return;
    const { time } = this;
    const life = { isAlive: true, frozenUntilMs: 0 };
    const open = () => {
      const process = new ServiceProcess({
        ...{
          life,
          keys: KEYS,
          initial: FIRST_SNAPSHOT,
          fallback: this.#plan.fallback,
          processes: this.#plan.processes,
        },
        links: this.shards.map((server) => new StoreLink(server, time, this.#random, life)),
        postgres: new PostgresLink(this.database, time, this.#random, life),
        notifications: this.notifications.optionsFor(life),
        onAnswered: (order, answered) => this.#note(order, answered),
        onSnapshot: this.#guard(),
        onFault: (fault) => this.#unexpected(fault),
        onGaveBack: (outcome) => {
          if (outcome === "failed") this.journal.failedGiveBacks += 1;
        },
      });
      this.#broken?.process?.(process);
      const record = { owner: process.acknowledged.owner, end: null, wasFrozen: false };
      this.journal.processes.push(record);
      this.running.set(slot, { slot, process, record });
    };
    if (!this.running.has(slot)) time.after(0, () => this.running.has(slot) || open(), life);
  }

  /** Who runs in a slot now; plans name more slots than there are. */
  at(slot: number): Running | undefined {
    return this.running.get(slot % this.#plan.processes);
  }

  ask(slot: number, asks: readonly Ask[]): void {
    const running = this.at(slot);
    if (running === undefined) return;
    const { process, record } = running;
    const { journal, time } = this;
    const ask = () => {
      const records = asks.map((one) => journal.asked(one, record, time.nowMs));
      const inputs = asks.map(({ tenant, user, cost, requestId }) => {
        return {
          tenantId: tenant,
          user: user || ANONYMOUS_USER,
          segments: ["v1", "report"],
          httpMethod: "GET",
          cost,
          requestId,
        };
      });
      void process.checks.checkBatch(inputs, "trace").then((answers) => {
        for (const [i, one] of records.entries()) {
          one.answer = answers[i]?.decision ?? null;
          one.answeredAtMs = time.nowMs;
        }
      });
    };
    time.after(0, ask, process.life);
  }

  adjust(slot: number, planned: PlannedAdjustment): void {
    this.unsure.add(planned);
    this.journal.adjustments.push(planned);
    const running = this.at(slot);
    if (running === undefined) return;
    const done = () => void this.unsure.delete(planned);
    const failed = (fault: unknown) => this.#unexpected(fault);
    this.time.after(0, () => void adjustByHand(running.process, planned).then(done, failed), running.process.life);
  }

  #note({ tenant, checks }: Take, { nowMs, dayLabel, monthLabel, checks: taken }: Answered): void {
    for (const [i, { user, cost }] of checks.entries()) {
      if (!taken[i]?.admitted || taken[i].replayed || cost === 0) continue;
      this.journal.counted.push({
        ask: { tenant, user, cost },
        shard: this.shardOf(tenant),
        dayLabel,
        monthLabel,
        nowMs,
      });
    }
  }

  #unexpected(fault: unknown): void {
    if (!(fault instanceof Outage)) this.journal.faults.push(`I0: ${fault instanceof Error ? fault.stack : fault}`);
  }

  /** Of one process: what is in force never goes back within a history, nor to an earlier history. */
  #guard(): (snapshot: CompiledSnapshot) => void {
    let before = FIRST_SNAPSHOT.version;
    return ({ version }) => {
      const isBack =
        version.timeline === before.timeline ? version.version < before.version : version.timeline < before.timeline;
      if (isBack)
        this.journal.faults.push(`I5: version ${JSON.stringify(version)} came after ${JSON.stringify(before)}`);
      before = version;
    };
  }
}
