// One service process: the real core, Fallback, ledger, books, UsageSnapshot, restore, harvest and policies' propagation, over
// the links to the model stores. Wired like service.ts and usage-keeping.ts do it.
//
// It can be killed between any two steps, frozen, or stopped in order.
import type { FallbackMode } from "@sluice/contract";
import { createChecks } from "../src/check/check.ts";
import type { Checks } from "../src/check/input.ts";
import type { Answered, Take } from "../src/counters/counters.ts";
import type { Keys } from "../src/counters/keys.ts";
import type { UsageHashes } from "../src/counters/usage-hashes.redis.ts";
import { createFallback } from "../src/fallback/fallback.ts";
import { createLedger, type Ledger } from "../src/fallback/ledger.ts";
import { LimitHitBuffer } from "../src/limit-hits/limit-hit-buffer.ts";
import { createCalendar } from "../src/limits/calendar.ts";
import type { PostgresOptions } from "../src/platform/postgres.ts";
import { type PolicySync, startPolicySync } from "../src/policies/policies.sync.ts";
import type { CompiledSnapshot } from "../src/policies/snapshot-compiled.ts";
import { Acknowledged } from "../src/usage/acknowledged.ts";
import { createHarvest } from "../src/usage/harvest.job.ts";
import { createRestore, type Restore } from "../src/usage/restore.job.ts";
import { startUsageSnapshot, type UsageSnapshot } from "../src/usage/usage-snapshot.job.ts";
import type { ModelRedis } from "./model-redis.ts";
import { Outage } from "./outage.ts";
import { type PostgresLink, poolOf } from "./postgres-link.ts";
import { StoreClient } from "./store-client.ts";
import type { StoreLink } from "./store-link.ts";
import type { Life } from "./virtual-time.ts";

export const INTERVAL_MS = 1_000;
const MAX_USERS_PER_DAY = 1_000;
/** Counters that STATIC_LIMIT keeps: there are a dozen, and room for 50 000 is not made ready in no time. */
const MAX_FALLBACK_COUNTERS = 64;
const SEARCH_EVERY_MS = 1_500;
export const POLL_MS = 4_000;
/** Remembers what is the same in every simulation. */
const CALENDAR = createCalendar();

export type ServiceProcessParts = Readonly<{
  life: Life;
  keys: Keys;
  links: readonly StoreLink[];
  postgres: PostgresLink;
  notifications: PostgresOptions;
  initial: CompiledSnapshot;
  fallback: FallbackMode;
  /** All that may run at once. */
  processes: number;
  onAnswered: (order: Take, answered: Answered) => void;
  onSnapshot: (snapshot: CompiledSnapshot) => void;
  /** Of the jobs: whatever they could not do, and will try again. */
  onFault: (fault: unknown) => void;
  onGaveBack: (outcome: "given_back" | "failed") => void;
}>;

export class ServiceProcess {
  readonly life: Life;
  readonly checks: Checks;
  readonly counters: StoreClient;
  readonly acknowledged: Acknowledged;
  readonly ledger: Ledger;
  readonly restore: Restore;
  readonly links: readonly StoreLink[];
  readonly postgres: PostgresLink;
  readonly policies: PolicySync;
  readonly owe = (tenant: string) => this.#snapshot.owe(tenant);
  readonly #snapshot: UsageSnapshot;

  constructor(parts: ServiceProcessParts) {
    const { life, keys, links, postgres } = parts;
    const pool = poolOf(postgres);
    this.life = life;
    this.links = links;
    this.postgres = postgres;
    this.acknowledged = new Acknowledged({ onGeneration: this.owe });
    this.ledger = createLedger(this.acknowledged.owner);
    this.counters = new StoreClient({
      ...{ keys, links, acknowledged: this.acknowledged },
      ...{ onGaveBack: parts.onGaveBack, onAnswered: parts.onAnswered },
    });
    this.policies = startPolicySync({
      ...{ postgres: { pool, options: parts.notifications }, initial: parts.initial, pollMs: POLL_MS },
      onFault: parts.onFault,
    });
    this.policies.onChange(parts.onSnapshot);
    const snapshotNow = () => this.policies.current();
    this.restore = createRestore({
      ...{ pool, counters: this.counters, onFault: parts.onFault },
      timeZoneOf: (tenant) => snapshotNow()?.tenant(tenant, this.counters.nowMs())?.timeZone ?? null,
      generationOf: (tenant) => this.acknowledged.quotas.generationOf(tenant),
    });
    const harvest = createHarvest({
      ...{
        pool,
        hashes: hashesOf(links),
        intervalMs: INTERVAL_MS,
        searchEveryMs: SEARCH_EVERY_MS,
        onFault: parts.onFault,
      },
      onHarvested: (tenants) => {
        for (const tenant of tenants) this.restore.owe(tenant);
      },
    });
    this.#snapshot = startUsageSnapshot({
      ...{
        pool,
        everyMs: INTERVAL_MS,
        after: this.policies.ready,
        acknowledged: this.acknowledged,
        ledger: this.ledger,
      },
      ...{ harvest, restore: this.restore, onFault: parts.onFault },
      history: () => {
        const version = snapshotNow()?.version;
        return version === undefined ? null : `${version.systemId} ${version.timeline}`;
      },
    });
    const census = { largestLately: () => parts.processes, ordinal: () => 0 };
    this.checks = createChecks({
      policies: { snapshot: snapshotNow, confirmedAgoMs: () => 0, retryInMs: () => null },
      fallback: createFallback({
        mode: parts.fallback,
        census,
        ledger: this.ledger,
        maxCounters: MAX_FALLBACK_COUNTERS,
      }),
      ...{ counters: this.counters, calendar: CALENDAR, quotaStatus: 429, maxUsersPerDay: MAX_USERS_PER_DAY },
      limitHits: new LimitHitBuffer(),
    });
  }

  /** Sums that are not written down, tenants owed a restore, takes that are not settled. */
  get unfinished(): number {
    return this.#snapshot.tally().unwritten + this.restore.owed() + this.counters.unresolved;
  }

  kill(): void {
    this.life.isAlive = false;
    this.postgres.hangUp();
    for (const link of this.links) link.server.links.delete(link);
  }

  /** As on SIGTERM: what is in flight ends first, then everything is written down. */
  async stop(isIdle: () => boolean): Promise<void> {
    while (!isIdle()) await new Promise((resolve) => setTimeout(resolve, 5));
    this.ledger.giveUpPending();
    await this.#snapshot.close();
    await this.policies.close();
    await this.counters.close();
    this.kill();
  }
}

/** Stands for usage-hashes.redis.ts: all hashes of an incarnation on all shards, or it throws. */
function hashesOf(links: readonly StoreLink[]): UsageHashes {
  const ask = async <Reply>(link: StoreLink, command: (redis: ModelRedis) => Reply) => {
    const silent = new Promise<never>((_, reject) => setTimeout(() => reject(new Outage("did not answer")), 1_000));
    return await Promise.race([link.run(command), silent]);
  };
  return {
    async incarnations() {
      const found = await Promise.all(links.map((link) => ask(link, (redis) => redis.incarnations())));
      return new Set(found.flatMap((ofShard) => [...ofShard]));
    },
    async *of(incarnation) {
      for (const link of links) {
        const sums = await ask(link, (redis) => redis.sumsOf(incarnation));
        for (const [tenant, ofTenant] of Map.groupBy(sums, (sum) => sum.tenant)) {
          const fields = new Map(ofTenant.map(({ field, total }) => [field, total]));
          yield { tenant, fields, letRunOut: async () => undefined };
        }
      }
    },
  };
}
