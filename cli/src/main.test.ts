import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { runForTest } from "../test/run.ts";
import { parseClusterNodes } from "./redis/cluster-nodes.ts";
import { parseSlotList } from "./redis/slot-list.ts";
import { formatTable } from "./terminal.ts";

const bin = fileURLToPath(new URL("../bin/sluice.mjs", import.meta.url));

test("the program names every command, talks on stderr only, and says what it does not know", async () => {
  const help = await promisify(execFile)(process.execPath, [bin, "--help"]);
  for (const command of ["serve", "migrate", "check", "doctor", "redis", "users|user", "login"]) {
    expect(help.stdout).toContain(command);
  }
  expect(help.stderr).toBe("");
  const unknown = await promisify(execFile)(process.execPath, [bin, "no-such"]).catch((fault: unknown) => fault);
  expect(unknown).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("no-such") });
});

test("faulty settings are named one by one", async () => {
  const run = await runForTest(["doctor"], { SLUICE_REDIS_URL: "http://x", SLUICE_DATABASE_URL: "mysql://x" });
  expect(run).toMatchObject({ exitCode: 2, data: "" });
  expect(run.talk).toContain("SLUICE_REDIS_URL");
  expect(run.talk).toContain("SLUICE_DATABASE_URL");
});

test("a table has the columns of its first row and shows nothing as a dash", () => {
  const rows = [
    { slot: 7, state: null },
    { slot: 12_000, state: "open" },
  ];
  expect(formatTable(rows)).toBe("SLOT   STATE\n7      -\n12000  open");
});

test("wide letters take two columns, marks none, and no name of others moves the cursor", () => {
  const rows = [
    { name: "한국 e\u0301", id: 1 },
    { name: "a\u001b[2J\n", id: 2 },
  ];
  expect(formatTable(rows)).toBe("NAME    ID\n한국 e\u0301  1\na\ufffd[2J\ufffd  2");
});

test("whoever reads only the beginning ends the program quietly", async () => {
  const piped = promisify(execFile)("bash", ["-c", `"${process.execPath}" "${bin}" completion bash | head -1`]);
  expect(await piped).toEqual({
    stdout: "# Completion of sluice for bash. Made by: sluice completion bash\n",
    stderr: "",
  });
});

test("slots are read as numbers and ranges, once each and in order", () => {
  expect(parseSlotList("33,12-14, 13")).toEqual({ slots: [12, 13, 14, 33] });
  expect(parseSlotList("0-16383")).toMatchObject({ slots: { length: 16_384 } });
});

test.each(["", "a", "5-3", "16384", "1,,2", "-1", "1-2-3", "1.5"])("%j is no list of slots", (text) => {
  expect(parseSlotList(text)).toHaveProperty("fault");
});

test("CLUSTER NODES is read with ranges, open slots, host names and failing nodes", () => {
  const nodes = parseClusterNodes(
    [
      "aa 10.0.0.1:6379@16379,redis-1.example,shard-id=x myself,master - 0 0 3 connected 0-5 7 [8->-bb] [9-<-bb]",
      "bb 10.0.0.2:6379@16379 master,fail? - 0 0 2 connected 8",
      "cc fe80::1:6380@16380 slave aa 0 0 3 connected",
      "",
    ].join("\n"),
  );
  expect(nodes[0]).toMatchObject({
    hostname: "redis-1.example",
    isMyself: true,
    slotRanges: [
      [0, 5],
      [7, 7],
    ],
  });
  expect([...(nodes[0]?.migrating ?? [])]).toEqual([[8, "bb"]]);
  expect([...(nodes[0]?.importing ?? [])]).toEqual([[9, "bb"]]);
  expect(nodes[1]).toMatchObject({ isMaster: true, isFailing: true, hostname: null });
  expect(nodes[2]).toMatchObject({ ip: "fe80::1", port: 6380, isMaster: false, masterId: "aa" });
});
