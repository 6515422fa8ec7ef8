// What a planned event does to the world.
import type { PlannedEvent } from "./plan.ts";
import { FIRST_LIMITS, OTHER_LIMITS } from "./tenants.ts";
import type { World } from "./world.ts";

const SLOW_BY_MS = 15;

export function happen(world: World, event: PlannedEvent): void {
  const { journal, time, database, notifications } = world;
  switch (event.kind) {
    case "check":
      return world.ask(event.process, event.asks);
    case "adjust":
      return world.adjust(event.process, event);
    case "kill":
    case "stop":
      return end(world, event);
    case "freeze": {
      const running = world.at(event.process);
      if (running === undefined) return;
      running.process.life.frozenUntilMs = time.nowMs + event.forMs;
      running.record.wasFrozen = true;
      return;
    }
    case "flush_store":
      journal.forgetfulShards.add(event.shard);
      return serverOf(world, event.shard).redis.flushAll();
    case "fail_over":
      return failOver(world, event);
    case "freeze_store":
      serverOf(world, event.shard).frozenUntilMs = time.nowMs + event.forMs;
      return;
    case "slow_store": {
      const server = serverOf(world, event.shard);
      server.slowByMs = SLOW_BY_MS;
      return forAWhile(world, event.forMs, () => {
        server.slowByMs = 0;
      });
    }
    case "cut":
      return world.at(event.process)?.process.links[event.shard]?.cut();
    case "step_clock":
      journal.unevenClocks.add(event.shard);
      return serverOf(world, event.shard).redis.stepClock(event.byMs);
    case "database_away":
      database.isAway = true;
      return forAWhile(world, event.forMs, () => {
        database.isAway = false;
      });
    case "database_silent":
      database.silentUntilMs = time.nowMs + event.forMs;
      return;
    case "answers_lost":
      database.forgetsAnswers = true;
      return forAWhile(world, event.forMs, () => {
        database.forgetsAnswers = false;
      });
    case "back_up":
      return database.backUp();
    case "set_back":
      journal.databaseWasSetBack = true;
      database.setBack();
      return notifications.notify();
    case "change_limits":
    case "change_limits_unheard":
      database.state.version += 1;
      database.state.limits = database.state.limits === FIRST_LIMITS ? OTHER_LIMITS : FIRST_LIMITS;
      if (event.kind === "change_limits") notifications.notify();
  }
}

function end(
  world: World,
  { kind, process: slot, startsAgainAfterMs }: Extract<PlannedEvent, { kind: "kill" | "stop" }>,
): void {
  const running = world.at(slot);
  if (running === undefined) return;
  const { process, record } = running;
  const isIdle = () => world.journal.checks.every((check) => check.process !== record || check.answer !== null);
  world.running.delete(running.slot);
  record.end = kind === "kill" ? "KILLED" : "STOPPED";
  if (kind === "kill") process.kill();
  else world.time.after(0, () => void process.stop(isIdle), process.life);
  forAWhile(world, startsAgainAfterMs, () => world.start(running.slot));
}

function failOver(world: World, { shard, afterMs, lagMs }: Extract<PlannedEvent, { kind: "fail_over" }>): void {
  const server = serverOf(world, shard);
  if (server.isAway) return;
  world.journal.forgetfulShards.add(shard);
  server.isAway = true;
  const diedAtMs = world.time.nowMs;
  for (const link of server.links) link.cut();
  forAWhile(world, afterMs, () => {
    server.isAway = false;
    server.redis.failOver(world.time.nowMs - diedAtMs + lagMs);
  });
}

function forAWhile(world: World, forMs: number, over: () => void): void {
  world.time.after(forMs, over, null);
}

function serverOf(world: World, shard: number) {
  const server = world.shards[shard];
  if (server === undefined) throw new RangeError(`There is no shard ${shard}.`);
  return server;
}
