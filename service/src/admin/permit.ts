// What a user who is bound to named tenants may touch within one request.
//
// Promise: deny by default. Of an action that concerns tenants ("own" in access.ts) every handler must ask here, either
// for the tenant it touches or for the tenants it may list; `asked` tells the door whether it did, and an answer that
// nobody asked for is not sent.
import { Refusal } from "../platform/refusal.ts";

export class Permit {
  readonly #tenants: readonly string[] | null;
  #asked = false;

  /** `tenants` null = every tenant. */
  constructor(tenants: readonly string[] | null) {
    this.#tenants = tenants;
  }

  /**
   * Refuses as if there were nothing where the tenant is not the user's: being there is already news.
   * `tenant` null = what belongs to no tenant, or to several.
   */
  touch(tenant: string | null): void {
    this.#asked = true;
    if (this.#tenants === null || (tenant !== null && this.#tenants.includes(tenant))) return;
    throw new Refusal("NOT_FOUND", "There is no such resource, or it is not yours to see.");
  }

  /** The tenants a list may show; null = all of them. */
  list(): readonly string[] | null {
    this.#asked = true;
    return this.#tenants;
  }

  /** Of a filter by tenant: itself where it may be seen. */
  listOf(tenant: string | null): readonly string[] | null {
    if (tenant === null) return this.list();
    this.touch(tenant);
    return [tenant];
  }

  get asked(): boolean {
    return this.#asked || this.#tenants === null;
  }
}
