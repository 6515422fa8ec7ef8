import { expect, test } from "vitest";
import { readTrustedProxies } from "./config-proxies.ts";
import { ConfigReader } from "./config-reader.ts";

function read(value: string) {
  const reader = new ConfigReader({ SLUICE_TRUSTED_PROXIES: value }, () => "");
  return { networks: readTrustedProxies(reader), faults: reader.faults.map(({ problem }) => problem) };
}

test("addresses and networks of both families are trusted as they are written", () => {
  expect(read("10.0.0.0/8, 192.0.2.7,2001:db8::/32,::1")).toEqual({
    networks: ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1"],
    faults: [],
  });
});

test.each(["everyone", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "0.0.0.0/0", "::/0", "10.0.0/8", "10.0.0.0/-1"])(
  "%s is no network to trust",
  (network) => {
    expect(read(network).faults).toEqual([`holds ${JSON.stringify(network)}`]);
  },
);
