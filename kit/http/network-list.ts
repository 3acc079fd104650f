import { BlockList, isIP, isIPv6 } from "node:net";

/** Addresses that have their first `prefixLength` bits in common. */
export interface Network {
  readonly address: string;
  readonly prefixLength: number;
  readonly family: "ipv4" | "ipv6";
}

/** A network list's entry is no longer than this: an IPv6 address, `/` and three digits. */
export const maxNetworkLength = 49;
const shape = /^([0-9a-f.:]{2,45})(?:\/(0|[1-9]\d{0,2}))?$/i;

/**
 * An address (`203.0.113.7`, `2001:db8::1`) or a network in CIDR notation (RFC 4632, RFC 4291), or undefined for what is none.
 * Bits beyond the prefix say nothing, and zone ids are not taken.
 */
export function parseNetwork(text: string): Network | undefined {
  const [, address = "", prefix] = shape.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0) return undefined;
  const bits = version === 4 ? 32 : 128;
  const prefixLength = prefix === undefined ? bits : Number(prefix);
  if (prefixLength > bits) return undefined;
  return { address, prefixLength, family: version === 4 ? "ipv4" : "ipv6" };
}

/**
 * Tells whether an address lies in one of the networks, an IPv4 address also where it is written as IPv6
 * (`::ffff:203.0.113.7`). What is no address lies in none. Throws a TypeError for a text that `parseNetwork` does not take.
 */
export function createNetworkList(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const text of networks) {
    const network = parseNetwork(text);
    if (!network) throw new TypeError(`'${text}' is no address and no network`);
    list.addSubnet(network.address, network.prefixLength, network.family);
  }
  return (address) => {
    const plain = plainAddress(address);
    if (isIP(plain) === 0) return false;
    return list.check(plain, isIPv6(plain) ? "ipv6" : "ipv4");
  };
}

/** Without a zone, and IPv4 as such: a socket that listens for both shows it inside IPv6. */
function plainAddress(address: string): string {
  const [withoutZone = ""] = address.split("%");
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(withoutZone)?.[1] ?? withoutZone;
}
