// What became of takes that got no answer in time: neither counted nor lost until it is known whether they ran.
//
// Known by the late reply, while the connection lives; otherwise, once the slot has a ready owner again, by comparing what
// this process acknowledged with what the store holds for it in the usage hash: replies of one connection come in order,
// so the surplus belongs to the oldest of the takes that were lost with it. The store starts no take after its deadline
// (take.lua), so nothing runs behind our back while we compare.
// Then: a check that the Fallback charged and that ran stays counted in the store (`onCounted`); one that was not charged
// is given back; one that did not run stays with the Fallback.
import type { Acknowledged } from "../usage/acknowledged.ts";
import { acknowledgedOn, type UsageRow } from "../usage/usage-totals.ts";
import { giveBackArguments } from "./give-back.redis.ts";
import type { Keys } from "./keys.ts";
import type { Shards } from "./shards.redis.ts";
import { dayLabelAt, monthLabelAt, type TakeReply } from "./take-arguments.ts";
import type { TakeCall } from "./take-call.redis.ts";

/** Takes without an answer that are remembered; what is beyond stays in the Fallback's books, as if it had not run. */
const MAX_LOST = 10_000;
/** While takes are lost, their owners are looked at this often. Longer than any deadline's rest in the store. */
const RESOLVE_EVERY_MS = 100;

type Ran = Readonly<{ nowMs: number; dayLabel: number; monthLabel: number; generation: number }>;
type Lost = Readonly<{ call: TakeCall; check: number; cost: number; dayLabel: number }>;

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
  answered(call: TakeCall, charged: readonly boolean[], onCounted: (checkIndex: number) => void): void {
    call.charged = charged;
    call.onCounted = onCounted;
    call.onAnswered?.();
  }

  repliedLate(call: TakeCall, reply: TakeReply): void {
    if (reply.kind !== "taken") return;
    whenAnswered(call, () => {
      for (let i = 0; i < reply.checks.length; i += 1) {
        const check = reply.checks[i];
        if (check?.admitted && !check.replayed && costOf(call, i) > 0) this.#ran(call, i, reply);
      }
    });
  }

  /** The connection went away with the reply. */
  lost(call: TakeCall): void {
    whenAnswered(call, () => {
      for (let i = 0; i < call.order.checks.length; i += 1) {
        const cost = costOf(call, i);
        if (cost === 0 || this.#lost.length >= MAX_LOST) continue;
        this.#lost.push({ call, check: i, cost, dayLabel: dayLabelAt(call.order.periods, call.sentAtMs) });
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
    const groups = Map.groupBy(this.#lost, ({ call, check, dayLabel }) => {
      return `${call.order.tenant}|${call.askedDayLabel}|${dayLabel}|${call.incarnation}${call.rows[check]?.field}`;
    });
    await Promise.all([...groups.values()].map((group) => this.#compare(group)));
  }

  /** `group` is of one usage row, oldest first. */
  async #compare(group: readonly Lost[]): Promise<void> {
    const first = group[0];
    const row = first === undefined ? undefined : first.call.rows[first.check];
    const owner = first === undefined ? null : this.#shards.ownerOf(first.call.slot);
    if (first === undefined || row === undefined || owner?.ready !== true) return;
    const key = this.#keys.usage(first.call.order.tenant, first.call.incarnation, first.call.askedDayLabel);
    await owner.send(["HGET", key, `${first.dayLabel}${row.field}`]).then(
      (held) => this.#settleSurplus(group, row, Number(held ?? 0)),
      () => undefined,
    );
  }

  #settleSurplus(group: readonly Lost[], row: UsageRow, held: number): void {
    let surplus = held - acknowledgedOn(row, group[0]?.dayLabel ?? 0) - (this.#givingBack.get(row) ?? 0);
    for (const { call, check, cost, dayLabel } of group) {
      if (surplus < cost) continue;
      surplus -= cost;
      const monthLabel = monthLabelAt(call.order.periods, call.sentAtMs);
      // Which generation it ran in is not known. Under the present one, a restore cannot count it twice.
      const generation = this.#acknowledged.quotas.generationOf(call.order.tenant);
      this.#ran(call, check, { nowMs: call.sentAtMs, dayLabel, monthLabel, generation });
    }
    const settled = new Set(group);
    this.#lost = this.#lost.filter((lost) => !settled.has(lost));
  }

  #ran(call: TakeCall, check: number, ran: Ran): void {
    const row = call.rows[check];
    if (call.charged?.[check] === true && row !== undefined) {
      call.acknowledge(this.#acknowledged, check, ran);
      call.onCounted?.(check);
      return;
    }
    const owner = this.#shards.ownerOf(call.slot);
    const sent = owner?.ready === true ? owner.send(giveBackArguments(this.#keys, call, check, ran)) : null;
    // Not sent again when it fails: it may have run, and a charge too much is stricter than one too little.
    if (sent === null) return this.#gaveBack("failed");
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
}

function whenAnswered(call: TakeCall, then: () => void): void {
  if (call.charged !== null) return then();
  call.onAnswered = then;
}

function costOf(call: TakeCall, check: number): number {
  return call.order.checks[check]?.cost ?? 0;
}
