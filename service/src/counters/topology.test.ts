import { expect, test } from "vitest";
import { readStoreError } from "./store-error.ts";
import { mastersWithoutReplica, parseClusterNodes } from "./topology.ts";

const VIEW = `
07c37df 127.0.0.1:30004@31004,hostname4 slave e7d1eec 0 1426238317239 4 connected
67ed2db 127.0.0.1:30002@31002,redis-2.internal master - 0 1426238316232 2 connected 5461-10922
292f8b3 127.0.0.1:30003@31003 master,fail - 0 1426238318243 3 connected 10923-16383
e7d1eec :30001@31001 myself,master - 0 0 7 connected 0-5460 5462 [93-<-292f8b3] [77->-67ed2db]
a1b2c3d 127.0.0.1:30009@31009 handshake - 0 0 0 connected
`;

const MASTER = { isMaster: true, isFailed: false, masterId: null };
const REPLICA = { id: "07c37df", isMaster: false, isFailed: false, masterId: "e7d1eec" };

test("masters, replicas, epochs and slots are read, moving slots left with their owner", () => {
  expect(parseClusterNodes(VIEW, "10.1.2.3")).toEqual([
    { ...REPLICA, address: "hostname4:30004", configEpoch: 4, ranges: [] },
    { ...MASTER, id: "67ed2db", address: "redis-2.internal:30002", configEpoch: 2, ranges: [[5461, 10922]] },
    {
      ...MASTER,
      id: "292f8b3",
      address: "127.0.0.1:30003",
      isMaster: false,
      isFailed: true,
      configEpoch: 3,
      ranges: [[10923, 16383]],
    },
    {
      ...MASTER,
      id: "e7d1eec",
      address: "10.1.2.3:30001",
      configEpoch: 7,
      ranges: [
        [0, 5460],
        [5462, 5462],
      ],
    },
  ]);
});

test("a master with slots wants a replica that answers; one without slots, a dead one and one that is alone do not", () => {
  const master = { ...MASTER, id: "m", address: "m:1", configEpoch: 1, ranges: [[0, 16_383]] as const };
  const empty = { ...master, id: "e", address: "e:1", ranges: [] };
  const dead = { ...master, id: "d", address: "d:1", isMaster: false, isFailed: true };
  const replica = { ...REPLICA, masterId: "m", address: "r:1", configEpoch: 1, ranges: [] };
  const reached = () => true;
  expect(mastersWithoutReplica([master, empty, dead, replica], reached)).toBe(0);
  expect(mastersWithoutReplica([master, empty, dead, replica], (address) => address !== "r:1")).toBe(1);
  expect(mastersWithoutReplica([master, { ...replica, masterId: "d" }], reached)).toBe(1);
  expect(mastersWithoutReplica([master], reached)).toBe(0);
});

test("every error of the store says whether anything ran, and whom it blames", () => {
  const read = (message: string) => readStoreError(new Error(message));
  expect(read("MOVED 866 127.0.0.1:30002")).toEqual({ kind: "moved", slot: 866, address: "127.0.0.1:30002" });
  expect(read("ASK 866 127.0.0.1:30002")).toEqual({ kind: "ask", address: "127.0.0.1:30002" });
  expect(read("TRYAGAIN Multiple keys request during rehashing of slot")).toEqual({ kind: "try_again" });
  expect(read("NOSCRIPT No matching script.")).toEqual({ kind: "no_script" });
  expect(read("OOM command not allowed")).toMatchObject({ cause: "out_of_memory", feedsBreaker: false });
  for (const code of ["LOADING", "CLUSTERDOWN", "MISCONF", "BUSY", "READONLY"]) {
    expect(read(`${code} something`)).toMatchObject({ kind: "refused", feedsBreaker: true });
  }
  for (const code of ["ERR", "WRONGTYPE", "NOPERM"]) {
    expect(read(`${code} something`)).toMatchObject({ kind: "refused", feedsBreaker: false });
  }
  expect(read("Socket closed unexpectedly")).toEqual({ kind: "connection" });
  expect(readStoreError("no error at all")).toEqual({ kind: "connection" });
});
