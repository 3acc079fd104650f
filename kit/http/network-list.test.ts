import assert from "node:assert/strict";
import { test } from "node:test";
import { createNetworkList, parseNetwork } from "./network-list.ts";

test("addresses and networks of both families are read, and what is neither is not", () => {
  for (const good of [
    "203.0.113.7",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "10.1.2.3/8",
    "::1",
    "2001:db8::/32",
    "::/0",
    "::ffff:10.0.0.1",
  ]) {
    assert.ok(parseNetwork(good), good);
  }
  const bad = [
    "",
    "10.0.0",
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "10.0.0.0/8/8",
    "fe80::1%eth0",
    "localhost",
  ];
  for (const text of [...bad, " 10.0.0.1", "10.0.0.1\n", "*", "1".repeat(100), "010.0.0.1", "0x7f.1"]) {
    assert.equal(parseNetwork(text), undefined, text);
    assert.throws(() => createNetworkList([text]), TypeError);
  }
});

test("an address is let through by its network alone, however it is written", () => {
  const isListed = createNetworkList(["203.0.113.7", "10.1.2.3/8", "2001:db8::/32", "::1"]);
  for (const inside of [
    "203.0.113.7",
    "::ffff:203.0.113.7",
    "10.255.255.255",
    "::FFFF:10.0.0.1",
    "2001:db8:ffff::1",
    "::1",
  ]) {
    assert.equal(isListed(inside), true, inside);
  }
  for (const outside of [
    "203.0.113.8",
    "11.0.0.1",
    "::ffff:11.0.0.1",
    "2001:db9::1",
    "::2",
    "",
    "unknown",
    "fe80::1%eth0",
  ]) {
    assert.equal(isListed(outside), false, outside);
  }
  assert.equal(createNetworkList(["fe80::/10"])("fe80::1%eth0"), true);
  assert.equal(createNetworkList([])("127.0.0.1"), false);
});
