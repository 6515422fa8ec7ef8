// Whose word about a client's address is believed: proxies in these networks, and nobody else.
import { BlockList, isIP } from "node:net";
import type { ConfigReader } from "./config-reader.ts";

/** Null = the connection's own address is the client's. */
export function readTrustedProxies(reader: ConfigReader): readonly string[] | null {
  const variable = "SLUICE_TRUSTED_PROXIES";
  const networks = reader.list(variable);
  for (const network of networks ?? []) {
    if (isNetwork(network)) continue;
    reader.fault(variable, `holds ${JSON.stringify(network)}`, "write each as an address or a CIDR such as 10.0.0.0/8");
  }
  return networks;
}

function isNetwork(text: string): boolean {
  const [address = "", prefix, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  try {
    new BlockList().addSubnet(address, /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1, version === 6 ? "ipv6" : "ipv4");
    // Everybody's word is nobody's.
    return Number(prefix) > 0;
  } catch {
    return false;
  }
}
