// Listens to one NOTIFY channel for as long as the process lives, over a connection of its own.
//
// Notifications are lossy by nature: whatever was sent while the connection was down is gone. So `connected` is called
// after every connect, and the caller then looks for itself. Attempts go on forever, with a bounded pause in between.
// A connection that is dead without a word, as to a machine that lost its power, is noticed within `HEARTBEAT_MS` and the
// time limit of an answer; callers poll, too.
import { setTimeout as pause } from "node:timers/promises";
import { type Client, escapeIdentifier } from "pg";
import { bounded, connectPostgres, type PostgresOptions } from "./postgres.ts";

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
const LISTEN_TIMEOUT_MS = 2_000;
const HEARTBEAT_MS = 2_000;

/** In pg_stat_activity: told apart from the pool's connections, which come and go. */
const LISTENER_NAME = "sluice-listener";

export type ListenEvents = Readonly<{
  /** Listening, for the first time or again. */
  connected: () => void;
  notified: (payload: string) => void;
  lost: (fault: unknown) => void;
}>;

export type Listener = Readonly<{ close: () => Promise<void> }>;

export function listen(options: PostgresOptions, channel: string, events: ListenEvents): Listener {
  const closing = new AbortController();
  let client: Client | null = null;

  const listenOnce = async () => {
    client = await connectPostgres({ ...options, applicationName: LISTENER_NAME });
    const ended = new Promise<void>((resolve) => client?.once("end", resolve));
    client.on("notification", ({ payload }) => events.notified(payload ?? ""));
    try {
      await client.query(bounded(LISTEN_TIMEOUT_MS, `listen ${escapeIdentifier(channel)}`));
      if (closing.signal.aborted) return;
      events.connected();
      await Promise.race([ended, untilSilent(client, closing.signal)]);
    } finally {
      await client.end();
    }
  };
  const listenForever = async () => {
    for (let pauseMs = FIRST_PAUSE_MS; !closing.signal.aborted; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const startedAt = performance.now();
      const fault = await listenOnce().then(
        () => new Error("The connection that listens has ended."),
        (reason: unknown) => reason,
      );
      if (closing.signal.aborted) return;
      events.lost(fault);
      if (performance.now() - startedAt > LONGEST_PAUSE_MS) pauseMs = FIRST_PAUSE_MS;
      // Up to half of it by chance, so that instances do not return all at once.
      const waitMs = pauseMs * (1 - Math.random() / 2);
      await pause(waitMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  };
  const running = listenForever();
  return {
    close: async () => {
      closing.abort();
      await client?.end().catch(() => undefined);
      await running;
    },
  };
}

/** Rejects when the server no longer answers. */
async function untilSilent(client: Client, closing: AbortSignal): Promise<void> {
  while (!closing.aborted) {
    await pause(HEARTBEAT_MS, undefined, { ref: false, signal: closing }).catch(() => undefined);
    if (!closing.aborted) await client.query(bounded(LISTEN_TIMEOUT_MS, "select"));
  }
}
