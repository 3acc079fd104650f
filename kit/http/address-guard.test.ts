import assert from "node:assert/strict";
import type dns from "node:dns";
import { test } from "node:test";
import { createAddressGuard, isPublicAddress } from "./address-guard.ts";

const guard = createAddressGuard();

test("every spelling of a private address is refused", () => {
  const urls = [
    ...[
      "https://127.0.0.1",
      "https://2130706433",
      "https://0x7f.1",
      "https://0177.0.0.1",
      "https://127.1",
      "https://0/",
    ],
    ...[
      "https://10.1.2.3",
      "https://172.31.0.1",
      "https://192.168.1.1",
      "https://169.254.169.254/latest",
      "https://100.64.0.1",
    ],
    ...[
      "https://[::1]",
      "https://[::]",
      "https://[::ffff:127.0.0.1]",
      "https://[64:ff9b::7f00:1]",
      "https://[fd00::1]",
    ],
    ...[
      "https://[fe80::1]",
      "https://[2002:7f00:1::]",
      "https://localhost",
      "https://LOCALHOST.",
      "https://a.localhost",
    ],
    ...["https://metadata.google.internal", "http://example.com", "https://user:pw@example.com", "https://224.0.0.1"],
  ];
  for (const url of urls) {
    const reason = guard.refuse(new URL(url));
    assert.match(reason?.en_US ?? "", /not (public|allowed)|only https/, url);
    assert.match(reason?.zh_CN ?? "", /\p{Script=Han}/u, url);
  }
});

test("public names and addresses are allowed", () => {
  for (const url of ["https://api.openai.com/v1", "https://8.8.8.8", "https://[2606:4700::1111]:8443/x"]) {
    assert.equal(guard.refuse(new URL(url)), undefined, url);
  }
});

test("a name that resolves to any private address is refused, and only checked addresses are given", () => {
  const answers: dns.LookupAddress[] = [{ address: "8.8.8.8", family: 4 }];
  const resolve = ((_name: string, _options: object, callback: (err: null, list: dns.LookupAddress[]) => void) =>
    callback(null, answers)) as unknown as typeof dns.lookup;
  const rebinding = createAddressGuard(resolve);
  rebinding.lookup("a.example", { all: true }, (err, list) => {
    assert.equal(err, null);
    assert.deepEqual(list, answers);
  });
  answers.push({ address: "127.0.0.1", family: 4 });
  rebinding.lookup("a.example", { all: true }, (err) => assert.match(String(err), /not public/));
});

test("only global unicast IPv6 is public", () => {
  assert.equal(isPublicAddress("2606:4700::1111"), true);
  for (const address of ["::", "::1", "fc00::1", "fe80::1", "ff02::1", "::ffff:8.8.8.8", "2001:db8::1"]) {
    assert.equal(isPublicAddress(address), false, address);
  }
});
