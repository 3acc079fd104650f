import assert from "node:assert/strict";
import { test } from "node:test";
import { isDocumentId } from "./client-document.ts";
import { isNative, isPrivateReturn, isSafeReturn } from "./client-model.ts";

test("a person may be sent to https, to their own machine and to a program's own scheme, as RFC 8252 has it, and nowhere else", () => {
  const good = [
    ...["https://a.example.com/cb", "http://127.0.0.1:7777/cb", "http://[::1]/cb", "http://localhost:1/cb"],
    ...[
      "com.example.app:/oauth2redirect",
      "cursor://anysphere.cursor-retrieval/oauth/user-mcp/callback",
      "vscode://x.y/z?a=b",
    ],
  ];
  const bad = [
    ...[
      "http://a.example.com/cb",
      "javascript:alert(1)",
      "javascript:/x",
      "data:/text",
      "file:///etc",
      "intent://x/y",
      "urn:x",
    ],
    ...[
      "COM.example:/cb",
      "com.example.app:cb",
      "com.example.app:/a#b",
      "x://u@h/p",
      "app:/*",
      "app:/a\\b",
      "a:/b",
      "app:/a b",
    ],
    ...["view-source:/x", "ms-settings:/x", "ws://h/p", "blob:/x", "app:/\u00e9", "//h/p", "app:", "app:/"],
  ];
  assert.deepEqual(
    good.filter((uri) => !isSafeReturn(uri)),
    [],
  );
  assert.deepEqual(bad.filter(isSafeReturn), []);
  assert.deepEqual(good.filter(isPrivateReturn), good.slice(4));
});

test("a public program that comes back to the person's machine is native: any port of it will do", () => {
  const kinds = (isConfidential: boolean, ...redirectUris: string[]) => isNative({ isConfidential, redirectUris });
  assert.deepEqual(
    [
      kinds(false, "http://127.0.0.1:1/cb"),
      kinds(false, "app:/cb", "https://a.example.com/cb"),
      kinds(false, "https://a.example.com/cb"),
      kinds(false, "http://127.0.0.1:1/cb", "https://localhost/cb"),
      kinds(true, "http://127.0.0.1:1/cb"),
    ],
    [true, true, false, false, false],
  );
});

test("a client is known by the address at which it says what it is, written in full: https, with a path, and nothing that hides", () => {
  const bad = [
    ...["http://a.example.com/c", "https://a.example.com", "https://a.example.com/", "https://a.example.com/c#x"],
    ...[
      "https://u@a.example.com/c",
      "https://A.example.com/c",
      "https://a.example.com/x/../c",
      "https://a.example.com:443/c",
    ],
    ...[
      `https://a.example.com/${"c".repeat(500)}`,
      "https://a.example.com/c d",
      "cli_x",
      "",
      "https:///c",
      "https://a/\\c",
    ],
  ];
  assert.deepEqual(
    bad.filter((text) => isDocumentId(text, false)),
    [],
  );
  for (const text of ["https://a.example.com/c", "https://a.example.com/oauth/client.json?v=1"])
    assert.ok(isDocumentId(text, false), text);
  assert.ok(isDocumentId("http://127.0.0.1:1/c", true));
});
