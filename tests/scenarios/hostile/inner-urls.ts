import { hostname } from "node:os";

/** Ways to write an IPv4 address, by which filters and sockets have disagreed elsewhere. */
function spellIpv4(address: string): readonly string[] {
  const octets = address.split(".").map(Number);
  const [a = 0, b = 0, c = 0, d = 0] = octets;
  const whole = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
  const radixes: readonly ((octet: number) => string)[] = [
    String,
    (octet) => `0x${octet.toString(16)}`,
    (octet) => `0X${octet.toString(16).toUpperCase().padStart(8, "0")}`,
    (octet) => `0${octet.toString(8)}`,
    (octet) => `${"0".repeat(9)}${octet.toString(8)}`,
  ];
  const shapes = [octets, [a, b, c * 2 ** 8 + d], [a, b * 2 ** 16 + c * 2 ** 8 + d], [whole]];
  const plain = shapes.flatMap((parts) => radixes.map((write) => parts.map(write).join(".")));
  const mixed = [
    `${a}.0x${b.toString(16)}.0${c.toString(8)}.${d}`,
    `0x${a.toString(16)}.${b * 2 ** 16 + c * 2 ** 8 + d}`,
  ];
  const wide = [...address].map((sign) => (sign === "." ? "。" : String.fromCodePoint(sign.charCodeAt(0) + 0xfee0)));
  const disguised = [`${address}.`, wide.join(""), address.replaceAll(".", "．"), address.replaceAll(".", "%2e")];
  return [...plain, ...mixed, ...disguised, encodeURIComponent(address).replace(/^(.)/, "%3$1")];
}

function spellIpv6(address: string): readonly string[] {
  const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
  const hex = `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  const within = [`::ffff:${address}`, `::ffff:${hex}`, `0:0:0:0:0:ffff:${hex}`, `::${hex}`, `64:ff9b::${hex}`];
  return [...within, `64:ff9b:1::${hex}`, `2002:${hex}::`, `2001:0:${hex}::`, `fe80::${hex}`, `fd00::${hex}`];
}

const inner = ["127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254"];
const innerIpv6 = ["::1", "::", "0:0:0:0:0:0:0:1", "::1%25lo", "fe80::1%25eth0", "fc00::1", "ff02::1", "100::1"];
/** The last name of this machine, which resolves to one of its own addresses, is found out only when it is looked up. */
const names = [
  ...["localhost", "LOCALHOST", "localhost.", "a.localhost", "x.local", "metadata.google.internal", "router.home.arpa"],
  ...["127.0.0.1.nip.io", "7f000001.nip.io", "localtest.me", "ip6-localhost", "ip6-loopback", hostname()],
];

/**
 * URLs that lead, or would lead somebody who reads them otherwise, to an address of this machine's own network, each with that port:
 * other spellings, names, schemes, places for a user's name.
 */
export function listInnerUrls(port: number): readonly string[] {
  const hosts = [
    ...inner.flatMap(spellIpv4),
    ...inner.flatMap(spellIpv6).map((host) => `[${host}]`),
    ...innerIpv6.map((host) => `[${host}]`),
    ...names,
  ];
  const place = `127.0.0.1:${port}`;
  const others = [
    ...["http", "ws", "wss", "ftp", "file", "gopher", "dict", "ldap", "jar:https", "unix"].map(
      (scheme) => `${scheme}://${place}/x`,
    ),
    ...[`https://user:pw@${place}`, `https://example.com@${place}`, `https://example.com:443@${place}/`],
    ...[`https://${place}#@example.com/`, `https://${place}?@example.com/`, `https://example.com\\@${place}/`],
    ...[`https://${place}\\.example.com/`, `https:${place}`, `https:/${place}`, `https:///${place}`, `//${place}`],
    ...[`https://\t${place}`, `https://127.0.\n0.1:${port}`, ` https://${place}`, `HTTPS://${place}`],
    ...["data:text/plain,x", "javascript:1", "file:///etc/passwd", `http://[::1]:${port}/`, `http://0:${port}/`],
  ];
  return [...new Set([...hosts.map((host) => `https://${host}:${port}/x`), ...others])];
}
