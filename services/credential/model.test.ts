import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "@lyss/kit/config/secret.ts";
import { credentialFields, describeSecret, toOrigin } from "./model.ts";

test("an origin is scheme, host and port, and nothing that could hide another address", () => {
  assert.equal(toOrigin("https://API.openai.com"), "https://api.openai.com");
  assert.equal(toOrigin("https://api.openai.com:443/"), "https://api.openai.com");
  assert.equal(toOrigin("http://[::1]:11434"), "http://[::1]:11434");
  const refused = [
    "",
    "api.openai.com",
    "https://api.openai.com@evil.example",
    "https://user:secret@api.openai.com",
    "https://api.openai.com/v1",
    "https://api.openai.com/?x=1",
    "https://api.openai.com/#x",
    "ftp://api.openai.com",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "null",
  ];
  for (const address of refused) assert.equal(toOrigin(address), undefined, address);
});

test("origins are kept sorted, each once, and there is at least one", () => {
  const origins = ["https://b.example/", "https://a.example", "https://B.example:443"];
  assert.deepEqual(credentialFields.allowedOrigins.parse(origins), ["https://a.example", "https://b.example"]);
  assert.equal(credentialFields.allowedOrigins.safeParse([]).success, false);
});

test("a fingerprint depends on key, tenant and secret, and a short secret shows no characters", () => {
  const key = Buffer.alloc(32, 1);
  const shown = describeSecret(key, "ten_a", new Secret("sk-0123456789abcdef"));
  assert.deepEqual(shown, describeSecret(key, "ten_a", new Secret("sk-0123456789abcdef")));
  assert.equal(shown.lastFour, "cdef");
  assert.notEqual(shown.fingerprint, describeSecret(key, "ten_b", new Secret("sk-0123456789abcdef")).fingerprint);
  const otherKey = Buffer.alloc(32, 2);
  assert.notEqual(shown.fingerprint, describeSecret(otherKey, "ten_a", new Secret("sk-0123456789abcdef")).fingerprint);
  assert.equal(describeSecret(key, "ten_a", new Secret("short-secret-15")).lastFour, "");
});
