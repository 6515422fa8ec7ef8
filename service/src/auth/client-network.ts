// What counts as one place on the network: an IPv4 address, or the /64 of an IPv6 address, which one household or one
// machine has to itself and can change addresses in as it likes. Pure.

const GROUPS = 8;
const NETWORK_GROUPS = 4;
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const IPV6 = /^[0-9a-f:.]*:[0-9a-f:.]*$/i;
const IPV4_IN_IPV6 = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/** `address` as a socket or a trusted proxy gives it; all that is no address is one network. */
export function clientNetwork(address: string): string {
  const [bare = ""] = address.split("%");
  if (IPV4.test(bare)) return bare;
  const canonical = IPV6.test(bare) ? URL.parse(`http://[${bare}]/`)?.hostname.slice(1, -1) : undefined;
  if (canonical === undefined) return "unknown";
  const [, high, low] = IPV4_IN_IPV6.exec(canonical) ?? [];
  if (high !== undefined && low !== undefined) return [...bytesOf(high), ...bytesOf(low)].join(".");
  return `${groupsOf(canonical).slice(0, NETWORK_GROUPS).join(":")}::/64`;
}

function groupsOf(canonical: string): string[] {
  const [front = [], back] = canonical.split("::").map((half) => (half === "" ? [] : half.split(":")));
  if (back === undefined) return front;
  return [...front, ...Array<string>(GROUPS - front.length - back.length).fill("0"), ...back];
}

function bytesOf(group: string): [number, number] {
  const value = Number.parseInt(group, 16);
  return [value >> 8, value & 0xff];
}
