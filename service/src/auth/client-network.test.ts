import { expect, test } from "vitest";
import { clientNetwork } from "./client-network.ts";

test.for([
  ["203.0.113.9", "203.0.113.9"],
  ["::ffff:203.0.113.9", "203.0.113.9"],
  ["::FFFF:CB00:7109", "203.0.113.9"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:DB8:1:2:ffff::", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["", "unknown"],
  ["proxy.internal", "unknown"],
  ["2001:db8::1]/?a=[", "unknown"],
] as const)("%j belongs to %j", ([address, network]) => {
  expect(clientNetwork(address)).toBe(network);
});

test("every address of a /64 is one place, and the next /64 another", () => {
  expect(clientNetwork("2001:db8:0:7::1")).toBe(clientNetwork("2001:db8:0:7:ffff:ffff:ffff:ffff"));
  expect(clientNetwork("2001:db8:0:8::1")).not.toBe(clientNetwork("2001:db8:0:7::1"));
});
