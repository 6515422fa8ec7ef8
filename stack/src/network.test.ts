import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Running, startProcess } from "../../service/test/processes.ts";
import { waitFor } from "../../service/test/wait.ts";
import { type Network, startNetwork } from "./network.ts";

const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const PORT = 7_000;
const CONNECT_MS = 1_000;
/** Says so when somebody comes. */
const GREETER = `require("node:net").createServer((socket) => socket.end("hello")).listen(${PORT}, process.argv[1])`;
/** Prints what it hears, or that it heard nothing. */
const VISITOR = `const socket = require("node:net").connect(${PORT}, process.argv[1]);
socket.setTimeout(${CONNECT_MS}, () => { console.log("silence"); socket.destroy(); });
socket.on("data", (data) => console.log(String(data)));
socket.on("error", (fault) => console.log(fault.code));`;

describe.skipIf(!isRoot)("a network of machines", () => {
  let network: Network;
  let greeter: Running;
  beforeEach(async () => {
    network = await startNetwork(["left", "middle", "right"]);
    const { address } = network.placeOf("right");
    greeter = await runOn("right", GREETER);
    await waitFor("the greeter listens", () => heardFromHere(address));
  });
  afterEach(async () => {
    await greeter.kill();
    await network.stop();
  });

  const runOn = async (machine: string, program: string, ...args: string[]) => {
    const [command = "", ...words] = network.placeOf(machine).enter;
    return await startProcess(command, [...words, process.execPath, "-e", program, ...args]);
  };
  const heardFrom = async (machine: string) => {
    const visitor = await runOn(machine, VISITOR, network.placeOf("right").address);
    await visitor.ended;
    return visitor.output().trim();
  };

  test("every machine and the host reach every other", async () => {
    expect(await heardFrom("left")).toBe("hello");
    expect(await heardFrom("middle")).toBe("hello");
  });

  test("a link that is cut is silent, and no other is cut with it", async () => {
    await network.cut(["left"], ["right"]);
    expect(await heardFrom("left")).toBe("silence");
    expect(await heardFrom("middle")).toBe("hello");
    expect(await heardFromHere(network.placeOf("right").address)).toBe("hello");
  });

  test("what is healed is as it was", async () => {
    await network.cut(["left", "middle"], ["right"]);
    await network.heal();
    expect(await heardFrom("left")).toBe("hello");
    expect(await heardFrom("middle")).toBe("hello");
  });
});

async function heardFromHere(address: string): Promise<string> {
  const socket = connect(PORT, address).setTimeout(CONNECT_MS, () => socket.destroy(new Error("silence")));
  const [data] = await once(socket, "data");
  return String(data);
}
