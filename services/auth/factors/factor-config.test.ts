import assert from "node:assert/strict";
import { test } from "node:test";
import { factorSettings, toPasskeyPlace } from "./factor-config.ts";

const none = { passkeyDomain: undefined, passkeyOrigins: [] };

test("passkeys are for the domain of the public address; an address of one's own machine is localhost to browsers", () => {
  assert.deepEqual(toPasskeyPlace("https://lyss.example.com", none), {
    rpId: "lyss.example.com",
    origins: ["https://lyss.example.com"],
  });
  for (const url of ["http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost:9000"]) {
    assert.deepEqual(toPasskeyPlace(url, none), { rpId: "localhost", origins: ["http://localhost:9000"] });
  }
});

test("a wider domain and further origins are taken where browsers take them, and refused elsewhere", () => {
  const wide = { passkeyDomain: "example.com", passkeyOrigins: ["https://console.example.com"] };
  assert.deepEqual(toPasskeyPlace("https://lyss.example.com", wide), {
    rpId: "example.com",
    origins: ["https://lyss.example.com", "https://console.example.com"],
  });
  assert.throws(() => toPasskeyPlace("https://lyss.example.org", wide), /passkeyDomain is example\.com/);
  assert.equal(factorSettings.safeParse(wide).success, true);
  for (const passkeyDomain of [undefined, "example.org", "ample.com"]) {
    const result = factorSettings.safeParse({ ...wide, passkeyDomain });
    assert.deepEqual(
      result.error?.issues.map(({ path }) => path.join(".")),
      ["passkeyDomain"],
    );
  }
});
