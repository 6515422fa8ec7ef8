// What became of takes that got no answer in time: neither counted nor lost until it is known whether they ran.
//
// Known by the late reply, while the connection lives; otherwise, once the slot has a ready owner again, by comparing what
// this process acknowledged with what the store holds for it in the usage hash: the surplus belongs to takes that were lost.
// The store starts no take after its deadline (take.lua), so nothing runs behind our back while we compare.
// Then: a check that the Fallback charged stays counted in the store when it ran, and with the Fallback when it did not
// (`onSettled`); one that was not charged and ran is given back. A give-back that cannot be sent is a lost take again: by the
// time it can be, the store may have forgotten what it would take back.
import type { Acknowledged } from "../usage/acknowledged.ts";
import { acknowledgedOn, type UsageRow } from "../usage/usage-totals.ts";
import { giveBackArguments } from "./give-back.redis.ts";
import type { Keys } from "./keys.ts";
import { raiseInRedis } from "./raise.redis.ts";
import type { Shards } from "./shards.redis.ts";
import { monthLabelOf, type TakeReply } from "./take-arguments.ts";
import type { TakeCall } from "./take-call.redis.ts";

/** Checks without an answer that are remembered; what is beyond stays in the Fallback's books, as if it had not run. */
const MAX_LOST = 10_000;
/** While takes are lost, their owners are looked at this often. Longer than any deadline's rest in the store. */
const RESOLVE_EVERY_MS = 100;
/** A raise under it does nothing, and is answered with the one there is. */
const NO_GENERATION = 0;

/** When it ran, or would have, by the store's clock. */
type RanAt = Readonly<{ nowMs: number; dayLabel: number; monthLabel: number }>;
/** The generation it ran under, where a reply has said it; null = whichever the tenant has when it is found. */
type Lost = Readonly<{ call: TakeCall; check: number; cost: number; at: RanAt; generation: number | null }>;

export class Settlement {
  readonly #keys: Keys;
  readonly #shards: Shards;
  readonly #acknowledged: Acknowledged;
  readonly #gaveBack: (outcome: "given_back" | "failed") => void;
  #lost: Lost[] = [];
  /** Cost of give-backs that are sent and not answered, per usage row: a comparison sent before them still finds it. */
  readonly #givingBack = new Map<UsageRow, number>();
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(
    keys: Keys,
    shards: Shards,
    acknowledged: Acknowledged,
    gaveBack: (outcome: "given_back" | "failed") => void,
  ) {
    this.#keys = keys;
    this.#shards = shards;
    this.#acknowledged = acknowledged;
    this.#gaveBack = gaveBack;
  }

  /** Takes of which it is not known yet whether they ran. */
  get unresolved(): number {
    return this.#lost.length;
  }

  /** What the caller answered instead of the store. */
  answered(call: TakeCall, charged: readonly boolean[], onSettled: (checkIndex: number, ran: boolean) => void): void {
    call.charged = charged;
    call.onSettled = onSettled;
    call.onAnswered?.();
  }

  /** Nothing of it was in flight, or the store said that it took nothing. */
  didNotRun(call: TakeCall): void {
    whenAnswered(call, () => {
      for (let i = 0; i < call.order.checks.length; i += 1) call.settled(i, false);
    });
  }

  repliedLate(call: TakeCall, reply: TakeReply): void {
    if (reply.kind !== "taken") return this.didNotRun(call);
    whenAnswered(call, () => {
      for (let i = 0; i < reply.checks.length; i += 1) {
        const check = reply.checks[i];
        if (check?.admitted && !check.replayed && costOf(call, i) > 0) this.#ran(call, i, reply, reply.generation);
        // Under its request id it is counted already, by the attempt before: the Fallback's charge would be a second one.
        else call.settled(i, check?.replayed === true);
      }
    });
  }

  /** The connection went away with the reply. */
  lost(call: TakeCall): void {
    whenAnswered(call, () => {
      for (let i = 0; i < call.order.checks.length; i += 1) {
        const cost = costOf(call, i);
        if (cost === 0) continue;
        if (this.#lost.length < MAX_LOST) this.#lost.push({ call, check: i, cost, at: sentAt(call), generation: null });
        else call.settled(i, false);
      }
      this.#resolveLater();
    });
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #resolveLater(): void {
    if (this.#closed || this.#timer !== null || this.#lost.length === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#resolve().finally(() => this.#resolveLater());
    }, RESOLVE_EVERY_MS);
  }

  async #resolve(): Promise<void> {
    const tenants = Map.groupBy(this.#lost, ({ call }) => call.order.tenant);
    await Promise.all([...tenants.values()].map((ofTenant) => this.#resolveTenant(ofTenant)));
  }

  async #resolveTenant(ofTenant: readonly Lost[]): Promise<void> {
    const generation = await this.#generationNow(ofTenant[0]);
    if (generation === null) return;
    const groups = Map.groupBy(ofTenant, ({ call, check, at }) => {
      return `${call.order.tenant}|${call.askedDayLabel}|${at.dayLabel}|${call.incarnation}${call.rows[check]?.field}`;
    });
    await Promise.all([...groups.values()].map((group) => this.#compare(group, generation)));
  }

  /**
   * Of the tenant in the store: this process may never have heard of it. What ran counts under it, or was taken over into it;
   * either way a restore does not count it twice. Null = the owner is away.
   */
  async #generationNow(lost: Lost | undefined): Promise<number | null> {
    if (lost === undefined || this.#shards.ownerOf(lost.call.slot)?.ready !== true) return null;
    const { tenant, periods } = lost.call.order;
    const parts = { keys: this.#keys, shards: this.#shards, clock: undefined };
    const raised = await raiseInRedis(parts, { tenant, generation: NO_GENERATION, periods, counters: [] });
    return raised.kind === "other_generation" ? raised.generation : null;
  }

  /** `group` is of one usage row, oldest first. */
  async #compare(group: readonly Lost[], generation: number): Promise<void> {
    const first = group[0];
    const row = first === undefined ? undefined : first.call.rows[first.check];
    const owner = first === undefined ? null : this.#shards.ownerOf(first.call.slot);
    if (first === undefined || row === undefined || owner?.ready !== true) return;
    const key = this.#keys.usage(first.call.order.tenant, first.call.incarnation, first.call.askedDayLabel);
    await owner.send(["HGET", key, `${first.at.dayLabel}${row.field}`]).then(
      (held) => this.#settleSurplus(group, row, Number(held ?? 0), generation),
      () => undefined,
    );
  }

  #settleSurplus(group: readonly Lost[], row: UsageRow, held: number, generation: number): void {
    const surplus = held - acknowledgedOn(row, group[0]?.at.dayLabel ?? 0) - (this.#givingBack.get(row) ?? 0);
    const settled = new Set(group);
    this.#lost = this.#lost.filter((lost) => !settled.has(lost));
    const ran = ofSurplus(group, surplus);
    for (const lost of group) {
      if (ran.has(lost)) this.#ran(lost.call, lost.check, lost.at, lost.generation ?? generation);
      else lost.call.settled(lost.check, false);
    }
  }

  #ran(call: TakeCall, check: number, at: RanAt, generation: number): void {
    if (call.charged?.[check] !== true) return this.#giveBack(call, check, { ...at, generation });
    call.acknowledge(this.#acknowledged, check, { ...at, generation });
    call.settled(check, true);
  }

  #giveBack(call: TakeCall, check: number, at: RanAt & Readonly<{ generation: number }>): void {
    const owner = this.#shards.ownerOf(call.slot);
    if (owner?.ready !== true) return this.#giveBackLater(call, check, at);
    // Not sent again when it fails: it may have run, and a charge too much is stricter than one too little.
    const sent = owner.send(giveBackArguments(this.#keys, call, check, at));
    const row = call.rows[check];
    const cost = costOf(call, check);
    if (row !== undefined) this.#givingBack.set(row, (this.#givingBack.get(row) ?? 0) + cost);
    const answered = (outcome: "given_back" | "failed") => {
      this.#gaveBack(outcome);
      if (row === undefined) return;
      const left = (this.#givingBack.get(row) ?? 0) - cost;
      if (left > 0) this.#givingBack.set(row, left);
      else this.#givingBack.delete(row);
    };
    sent.then(
      () => answered("given_back"),
      () => answered("failed"),
    );
  }

  /** It is known to have run, so the surplus is its own before it is anybody's. */
  #giveBackLater(call: TakeCall, check: number, at: RanAt & Readonly<{ generation: number }>): void {
    if (this.#closed || this.#lost.length >= MAX_LOST) return this.#gaveBack("failed");
    const { nowMs, dayLabel, monthLabel, generation } = at;
    this.#lost.unshift({ call, check, cost: costOf(call, check), at: { nowMs, dayLabel, monthLabel }, generation });
    this.#resolveLater();
  }
}

/**
 * Those that the surplus is made of. `group` is oldest first, and what ran stands together in it: a connection that ends
 * loses the newest, a store that forgets the oldest. Where no such run adds up, the oldest that fit.
 */
function ofSurplus(group: readonly Lost[], surplus: number): ReadonlySet<Lost> {
  let from = 0;
  let sum = 0;
  for (const [to, { cost }] of group.entries()) {
    sum += cost;
    for (; sum > surplus && from <= to; from += 1) sum -= group[from]?.cost ?? 0;
    if (sum === surplus && from <= to) return new Set(group.slice(from, to + 1));
  }
  let left = surplus;
  return new Set(
    group.filter(({ cost }) => {
      const fits = cost <= left;
      if (fits) left -= cost;
      return fits;
    }),
  );
}

function sentAt({ sentAtMs: nowMs, askedDayLabel: dayLabel }: TakeCall): RanAt {
  return { nowMs, dayLabel, monthLabel: monthLabelOf(dayLabel) };
}

function whenAnswered(call: TakeCall, then: () => void): void {
  if (call.charged !== null) return then();
  call.onAnswered = then;
}

function costOf(call: TakeCall, check: number): number {
  return call.order.checks[check]?.cost ?? 0;
}
