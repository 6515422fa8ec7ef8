// Every fault that the lab can make, in the order of the matrix.
import type { Fault } from "../lab/fault.ts";
import { masterKilled } from "./f01-master-killed.ts";
import { masterFrozenMinute, masterFrozenTenSeconds, masterFrozenTwoSeconds } from "./f02-master-frozen.ts";
import { masterBusy, masterSlow, masterVerySlow } from "./f03-master-slow.ts";
import { replicaKilled } from "./f04-replica-killed.ts";
import { shardDead } from "./f05-shard-dead.ts";
import { majorityDead } from "./f06-majority-dead.ts";
import { allRedisDead } from "./f07-all-redis-dead.ts";
import { rollingRestart } from "./f08-rolling-restart.ts";
import { flushed } from "./f09-flushed.ts";
import { bothFlipped, fileCut, fileFlipped } from "./f10-append-only-file-damaged.ts";
import { appendOnlyDiskFull } from "./f11-append-only-disk-full.ts";
import { evicting, outOfMemory } from "./f12-out-of-memory.ts";
import { zoneCutOff } from "./f13-zone-cut-off.ts";
import { movedByRedis, movedByUs } from "./f14-resharding.ts";
import { scriptsFlushed } from "./f15-scripts-flushed.ts";
import { failoverStorm } from "./f16-failover-storm.ts";
import { connectionsRefused } from "./f17-connections-refused.ts";
import { authorityReplaced, certificatesExpired } from "./f18-certificates.ts";
import { databaseHostKilled } from "./f19-database-host-killed.ts";
import { postmasterKilled } from "./f20-postmaster-killed.ts";
import { standbyPaused } from "./f21-standby-paused.ts";
import { monitorKilled } from "./f22-monitor-killed.ts";
import { replicationCut } from "./f23-replication-cut.ts";
import { databaseExhausted } from "./f24-database-exhausted.ts";
import { databaseDiskFull } from "./f25-database-disk-full.ts";
import { policiesLocked } from "./f26-policies-locked.ts";
import { instanceKilled } from "./f28-instance-killed.ts";
import { instanceStalls } from "./f29-instance-stalls.ts";
import { heapLimit } from "./f30-heap-limit.ts";
import { rollingDeploy } from "./f31-rolling-deploy.ts";
import { clocksMovedByHour, clocksMovedBySeconds, monthEnded, slowerClockPromoted } from "./f32-clocks-moved.ts";
import { fewPacketsLost, manyPacketsLost, packetsReordered } from "./f34-packets-lost.ts";
import { retryStorm } from "./f35-retry-storm.ts";
import { hotTenant } from "./f36-hot-tenant.ts";
import { snapshotInterrupted } from "./f37-snapshot-interrupted.ts";
import { changeDuringOutage } from "./f38-change-during-outage.ts";
import { badInput } from "./f39-bad-input.ts";
import { unknownState } from "./f42-unknown-state.ts";
import { backgroundSaves } from "./f43-background-saves.ts";

export const FAULTS: readonly Fault[] = [
  masterKilled,
  masterFrozenTwoSeconds,
  masterFrozenTenSeconds,
  masterFrozenMinute,
  masterSlow,
  masterVerySlow,
  masterBusy,
  replicaKilled,
  shardDead,
  majorityDead,
  allRedisDead,
  rollingRestart,
  flushed,
  fileCut,
  fileFlipped,
  bothFlipped,
  appendOnlyDiskFull,
  outOfMemory,
  evicting,
  zoneCutOff,
  movedByUs,
  movedByRedis,
  scriptsFlushed,
  failoverStorm,
  connectionsRefused,
  authorityReplaced,
  certificatesExpired,
  databaseHostKilled,
  postmasterKilled,
  standbyPaused,
  monitorKilled,
  replicationCut,
  databaseExhausted,
  databaseDiskFull,
  policiesLocked,
  instanceKilled,
  instanceStalls,
  heapLimit,
  rollingDeploy,
  clocksMovedBySeconds,
  clocksMovedByHour,
  slowerClockPromoted,
  monthEnded,
  fewPacketsLost,
  manyPacketsLost,
  packetsReordered,
  retryStorm,
  hotTenant,
  snapshotInterrupted,
  changeDuringOutage,
  badInput,
  unknownState,
  backgroundSaves,
];

/** What CI runs, once each, in six minutes: the ones in which most can go wrong. */
export const SHORT: readonly Fault["id"][] = ["F1", "F2b", "F5", "F8", "F9", "F15", "F28", "F31"];
