// All tenants of a snapshot: 100 000 of them in a few megabytes, and a changed copy in microseconds.
// Ids are bytes in a shared table (tenant-table-ids.ts); what a tenant is, is one reference per row to traits that
// tenants which are alike share. A scheduled plan change takes effect when it is read at or after its instant.
import type { Tenant } from "./policy.ts";
import type { TenantView } from "./snapshot.ts";
import { TenantIds } from "./tenant-table-ids.ts";
import { Pages, type PagesDraft } from "./tenant-table-pages.ts";

/** What is known of a tenant beside its id. */
type Traits = Readonly<Omit<Tenant, "id">>;

export class TenantTable {
  readonly ids: TenantIds;
  readonly count: number;
  readonly #traits: Pages<Traits>;
  /** Views given lately, by id: ten times faster than the index of ids, and nothing is allocated. */
  readonly #views = new Map<string, TimedView>();

  constructor(ids = new TenantIds(), traits = new Pages<Traits>(), count = 0) {
    this.ids = ids;
    this.#traits = traits;
    this.count = count;
  }

  view(id: string, nowMs: number): TenantView | null {
    const recent = this.#views.get(id);
    if (recent !== undefined && nowMs >= recent.fromMs && nowMs < recent.untilMs) return recent.view;
    const row = this.ids.find(id);
    const traits = row === -1 ? undefined : this.#traits.get(row);
    if (traits === undefined) return null;
    // Our own copy of the id: the caller's may be a slice that keeps a whole request body alive.
    const timed = viewOf(row, this.ids.idOf(row), traits, nowMs);
    if (this.#views.size >= MAX_VIEWS) this.#views.clear();
    this.#views.set(timed.view.id, timed);
    return timed.view;
  }

  *rows(): Generator<Tenant> {
    for (let row = 0; row < this.ids.size; row += 1) {
      const traits = this.#traits.get(row);
      if (traits !== undefined) yield { id: this.ids.idOf(row), ...traits };
    }
  }

  edit(): TenantTableDraft {
    return new TenantTableDraft(this.ids, this.#traits, this.count);
  }
}

/** The next version of a table, written tenant by tenant. */
export class TenantTableDraft {
  readonly #ids: TenantIds;
  readonly #traits: PagesDraft<Traits>;
  readonly #shared = new Map<string, Traits>();
  #count: number;

  constructor(ids: TenantIds, traits: Pages<Traits>, count: number) {
    this.#ids = ids;
    this.#traits = traits.edit();
    this.#count = count;
  }

  set(tenant: Tenant): void {
    const row = this.#ids.add(tenant.id);
    if (this.#traits.get(row) === undefined) this.#count += 1;
    this.#traits.set(row, this.#traitsOf(tenant));
  }

  remove(id: string): void {
    const row = this.#ids.find(id);
    if (row === -1 || this.#traits.get(row) === undefined) return;
    this.#traits.set(row, undefined);
    this.#count -= 1;
  }

  /** The draft must not be written to afterwards. */
  finish(): TenantTable {
    return new TenantTable(this.#ids, this.#traits.finish(), this.#count);
  }

  #traitsOf({ plan, status, timeZone, nextPlan }: Tenant): Traits {
    const traits = { plan, status, timeZone, nextPlan };
    if (nextPlan !== null) return traits;
    const key = `${status} ${timeZone} ${plan}`;
    const shared = this.#shared.get(key) ?? traits;
    this.#shared.set(key, shared);
    return shared;
  }
}

/** Some 200 bytes each. */
const MAX_VIEWS = 32_768;

/** A view, and the instants between which it holds. */
type TimedView = Readonly<{ view: TenantView; fromMs: number; untilMs: number }>;

function viewOf(row: number, id: string, traits: Traits, nowMs: number): TimedView {
  const { plan, status, timeZone, nextPlan } = traits;
  const view = { id, index: row, status, plan, timeZone };
  if (nextPlan === null) return { view, fromMs: -Infinity, untilMs: Infinity };
  if (nowMs < nextPlan.atMs) return { view, fromMs: -Infinity, untilMs: nextPlan.atMs };
  return { view: { ...view, plan: nextPlan.plan }, fromMs: nextPlan.atMs, untilMs: Infinity };
}
