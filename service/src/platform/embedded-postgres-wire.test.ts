import { expect, test } from "vitest";
import { leavesSessionIdle, queryMessage, readMessages, readOpening, syncMessage } from "./embedded-postgres-wire.ts";

const nothing = Buffer.alloc(0);

test("messages are found wherever the bytes are cut", () => {
  const sent = [queryMessage("select 1"), syncMessage(), queryMessage("수출")];
  const bytes = Buffer.concat(sent);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const first = readMessages(bytes.subarray(0, cut));
    const second = readMessages(Buffer.concat([first.rest, bytes.subarray(cut)]));
    expect([...first.messages, ...second.messages], `cut at ${cut}`).toEqual(sent);
    expect(second).toMatchObject({ rest: nothing, isBroken: false });
  }
});

test("a length that cannot be ends the reading", () => {
  const good = syncMessage();
  for (const length of [-1, 3, 0x7fffffff]) {
    const bad = Buffer.from("Q\0\0\0\0");
    bad.writeInt32BE(length, 1);
    expect(readMessages(Buffer.concat([good, bad]))).toEqual({ messages: [good], rest: nothing, isBroken: true });
  }
});

test("what a client opens with is told apart, and waited for", () => {
  const opening = (code: number, body = "") => {
    const bytes = Buffer.concat([Buffer.alloc(8), Buffer.from(body)]);
    bytes.writeInt32BE(bytes.length, 0);
    bytes.writeInt32BE(code, 4);
    return bytes;
  };
  const startup = opening(196_608, "user\0postgres\0\0");
  expect(readOpening(startup.subarray(0, 7))).toEqual({ kind: "incomplete" });
  expect(readOpening(startup.subarray(0, 12))).toEqual({ kind: "incomplete" });
  expect(readOpening(Buffer.concat([startup, syncMessage()]))).toEqual({
    kind: "startup",
    message: startup,
    rest: syncMessage(),
  });
  expect(readOpening(opening(80_877_103)).kind).toBe("encryption");
  expect(readOpening(opening(80_877_104)).kind).toBe("encryption");
  expect(readOpening(opening(80_877_102, "12345678")).kind).toBe("cancel");
  expect(readOpening(Buffer.from("GET / HTTP/1.1\r\n\r\n")).kind).toBe("unknown");
});

test("the session is idle only when the last answer says so", () => {
  const ready = (status: string) => Buffer.concat([Buffer.from("Z\0\0\0\x05"), Buffer.from(status)]);
  const complete = Buffer.from("C\0\0\0\x04");
  expect(leavesSessionIdle([complete, ready("I")])).toBe(true);
  for (const answers of [[], [complete], [ready("I"), ready("T")], [ready("E")], [ready("I"), complete]]) {
    expect(leavesSessionIdle(answers)).toBe(false);
  }
});
