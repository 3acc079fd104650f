import dns from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import type { Locale } from "../errors/failure.ts";

type Text = Readonly<Record<Locale, string>>;

/** Keeps what a tenant names from reaching this machine's own network. */
export interface AddressGuard {
  /** Why a URL may not be fetched, or undefined when it may. Names are checked again by `lookup` when they are resolved. */
  refuse(url: URL): Text | undefined;
  /** A `lookup` for sockets: resolves once, refuses private addresses, and gives only what was checked. */
  readonly lookup: LookupFunction;
}

/** Addresses that are not the public internet (IANA special-purpose registries, RFC 6890 and successors). */
const forbidden: readonly (readonly [string, number, "ipv4" | "ipv6"])[] = [
  ["0.0.0.0", 8, "ipv4"],
  ["10.0.0.0", 8, "ipv4"],
  ["100.64.0.0", 10, "ipv4"],
  ["127.0.0.0", 8, "ipv4"],
  ["169.254.0.0", 16, "ipv4"],
  ["172.16.0.0", 12, "ipv4"],
  ["192.0.0.0", 24, "ipv4"],
  ["192.0.2.0", 24, "ipv4"],
  ["192.88.99.0", 24, "ipv4"],
  ["192.168.0.0", 16, "ipv4"],
  ["198.18.0.0", 15, "ipv4"],
  ["198.51.100.0", 24, "ipv4"],
  ["203.0.113.0", 24, "ipv4"],
  ["224.0.0.0", 3, "ipv4"],
  ["2002::", 16, "ipv6"],
  ["2001::", 23, "ipv6"],
  ["2001:db8::", 32, "ipv6"],
];

const blocked = new BlockList();
for (const [address, prefix, family] of forbidden) blocked.addSubnet(address, prefix, family);

/** Only global unicast IPv6 is public; everything outside 2000::/3 (loopback, ULA, link-local, mapped, NAT64) is not. */
const publicIpv6 = new BlockList();
publicIpv6.addSubnet("2000::", 3, "ipv6");

/** True for an address that a tenant may name. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !blocked.check(address, "ipv4");
  return family === 6 && publicIpv6.check(address, "ipv6") && !blocked.check(address, "ipv6");
}

const refusals = {
  scheme: { en_US: "only https is allowed", zh_CN: "只允许 https" },
  userInfo: { en_US: "a user name or password is not allowed", zh_CN: "不允许包含用户名或密码" },
  address: { en_US: "the address is not public", zh_CN: "该地址不是公网地址" },
  name: { en_US: "the name is not public", zh_CN: "该域名不是公网域名" },
} as const;

export function createAddressGuard(resolve: typeof dns.lookup = dns.lookup): AddressGuard {
  return {
    refuse(url) {
      if (url.protocol !== "https:") return refusals.scheme;
      if (url.username !== "" || url.password !== "") return refusals.userInfo;
      // WHATWG URL has turned every numeric spelling (octal, hex, one number) into dotted decimals by now.
      const host = url.hostname.replace(/^\[|\]$/g, "");
      if (isIP(host) !== 0 && !isPublicAddress(host)) return refusals.address;
      if (/^(localhost|.*\.(localhost|local|internal|home\.arpa))\.?$/.test(host)) return refusals.name;
      return undefined;
    },
    lookup(hostname, options, callback) {
      resolve(hostname, { ...options, all: true }, (err, addresses) => {
        if (err) return callback(err, "", 0);
        const isRefused = addresses.length === 0 || addresses.some(({ address }) => !isPublicAddress(address));
        const [first] = addresses;
        if (isRefused || !first)
          return callback(new Error("the name resolves to an address that is not public"), "", 0);
        if (options.all) return callback(null, addresses);
        callback(null, first.address, first.family);
      });
    },
  };
}
