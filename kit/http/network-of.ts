import { isIPv6 } from "node:net";

/** What one client's addresses have in common: an IPv4 address, however it is written, or the /64 of an IPv6 address. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [left = [], right] = address.split("::").map((half) => half.split(":").filter(Boolean));
  const zeros = Array<string>(right === undefined ? 0 : Math.max(0, 8 - left.length - right.length)).fill("0");
  const groups = [...left, ...zeros, ...(right ?? [])].slice(0, 4);
  return groups.map((group) => Number.parseInt(group, 16)).join(":");
}
