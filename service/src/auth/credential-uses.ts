// When each managed credential was last used, as this process has seen it: one instant for each, in bounded memory, so that
// a check notes it without waiting for anything. Pure.
// Not here: carrying it to PostgreSQL (credential-uses.job.ts).

export type CredentialUse = Readonly<{ credentialId: string; atMs: number }>;

/** More than there may be at once (service-credentials.pg.ts); beyond it, uses are forgotten until some were drained. */
const MOST_CREDENTIALS = 2_000;

export class CredentialUses {
  readonly #latestMs = new Map<string, number>();

  note(credentialId: string, atMs: number): void {
    if (this.#latestMs.size >= MOST_CREDENTIALS && !this.#latestMs.has(credentialId)) return;
    this.#latestMs.set(credentialId, atMs);
  }

  /** What was noted since the last time. */
  drain(): CredentialUse[] {
    const uses = Array.from(this.#latestMs, ([credentialId, atMs]) => ({ credentialId, atMs }));
    this.#latestMs.clear();
    return uses;
  }

  /** Of uses that could not be written; what was noted meanwhile is later. */
  putBack(uses: readonly CredentialUse[]): void {
    for (const { credentialId, atMs } of uses) {
      if (!this.#latestMs.has(credentialId)) this.note(credentialId, atMs);
    }
  }
}
