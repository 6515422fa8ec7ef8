import { expect, test } from "vitest";
import { certificateNames } from "./certificate-names.ts";

test("every name of a certificate is listed with its type", () => {
  const names = "DNS:gateway.internal, URI:spiffe://cluster/gateway, IP Address:127.0.0.1, email:a@b.c";
  expect(certificateNames(names)).toEqual([
    "DNS:gateway.internal",
    "URI:spiffe://cluster/gateway",
    "IP Address:127.0.0.1",
    "email:a@b.c",
  ]);
  expect(certificateNames(undefined)).toEqual([]);
});

test("a name that holds a comma cannot pass itself off as two", () => {
  expect(certificateNames('DNS:"evil.test, DNS:gateway.internal"')).toEqual(["DNS:evil.test, DNS:gateway.internal"]);
  expect(certificateNames('URI:"a\\", DNS:gateway.internal", DNS:good.test')).toEqual([
    'URI:a", DNS:gateway.internal',
    "DNS:good.test",
  ]);
});
