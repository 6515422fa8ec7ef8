import { expect, test } from "vitest";
import { replyLength } from "./framing.ts";

const http = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}';
const resp = "*4\r\n:1\r\n$6\r\na\r\n\0bc\r\n$-1\r\n*1\r\n+OK\r\n";

test("a reply is incomplete at every byte but its last", () => {
  for (const [protocol, text] of [
    ["http", http],
    ["resp", resp],
  ] as const) {
    const bytes = Buffer.from(text, "latin1");
    for (let length = 0; length < bytes.length; length += 1) {
      expect(replyLength(protocol, bytes.subarray(0, length)), `${protocol}, ${length} bytes`).toBe(-1);
    }
    expect(replyLength(protocol, bytes)).toBe(bytes.length);
  }
});

test("what follows a reply does not belong to it", () => {
  expect(replyLength("http", Buffer.from(`${http}HTTP/1.1`))).toBe(http.length);
  expect(replyLength("resp", Buffer.from(`${resp}:2\r\n`))).toBe(resp.length);
});

test("an error reply of Redis is a reply", () => {
  expect(replyLength("resp", Buffer.from("-NOSCRIPT No matching script.\r\n"))).toBe(31);
});

test("an answer whose length is not stated is a fault", () => {
  expect(() => replyLength("http", Buffer.from("HTTP/1.1 200 OK\r\n\r\n"))).toThrow(/Content-Length/);
});
