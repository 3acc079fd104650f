import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { readCredential } from "./read-credential.ts";

const read = (headers: Record<string, string | string[]>) => readCredential({ headers } as unknown as IncomingMessage);

test("W43: a credential is found where each vendor's SDK puts it", () => {
  const found: readonly (readonly [Record<string, string>, string])[] = [
    [{ authorization: "Bearer lyss_abc" }, "lyss_abc"],
    [{ authorization: "bearer lyss_abc" }, "lyss_abc"],
    [{ authorization: "BEARER   lyss_abc  " }, "lyss_abc"],
    [{ authorization: "Bearer a.b-c_d~e+f/g==" }, "a.b-c_d~e+f/g=="],
    [{ "x-api-key": "lyss_abc" }, "lyss_abc"],
    [{ authorization: "Bearer lyss_abc", "x-api-key": "lyss_abc" }, "lyss_abc"],
  ];
  for (const [headers, credential] of found) assert.equal(read(headers), credential, JSON.stringify(headers));
});

test("a request without a credential is anonymous, which only public routes allow", () => {
  assert.equal(read({}), undefined);
  assert.equal(read({ cookie: "session=lyss_abc" }), undefined);
});

test("a credential that is malformed, ambiguous or overlong is nobody's, and never anonymous", () => {
  const refused: readonly Record<string, string | string[]>[] = [
    { authorization: "" },
    { authorization: "Bearer" },
    { authorization: "Bearer " },
    { authorization: "Basic bHlzczphYmM=" },
    { authorization: "lyss_abc" },
    { authorization: "Bearer lyss_abc lyss_def" },
    { authorization: "Bearer lyss_abc, Bearer lyss_def" },
    { authorization: "Bearer lyss\tabc" },
    { authorization: "Bearer lyss_äöü" },
    { authorization: "Bearer lyss_abc\r\nx-role: admin" },
    { authorization: "Bearer lyss_abc", "x-api-key": "lyss_def" },
    { authorization: "Basic eDp5", "x-api-key": "lyss_abc" },
    { "x-api-key": "" },
    { "x-api-key": ["lyss_abc", "lyss_def"] },
    { "x-api-key": "a".repeat(8_193) },
    { authorization: `Bearer ${"a".repeat(8_193)}` },
  ];
  for (const headers of refused) assert.equal(read(headers), "", JSON.stringify(headers).slice(0, 80));
});

test("a hostile header is read in time that grows no faster than its length", () => {
  const spaces = `Bearer ${" ".repeat(60_000)}\u0000`;
  const startMs = performance.now();
  assert.equal(read({ authorization: spaces }), "");
  assert.ok(performance.now() - startMs < 500);
});

test("W43: Google's SDKs put a key where only they do, and only where they go", () => {
  const read = (url: string, headers: Record<string, string> = {}) => readCredential({ headers, url });
  assert.equal(read("/v1beta/models", { "x-goog-api-key": "lyss_abc" }), "lyss_abc");
  assert.equal(read("/v1beta/models?pageSize=5&key=lyss_abc"), "lyss_abc");
  assert.equal(read("/v1beta/models?key=lyss_abc", { "x-goog-api-key": "lyss_abc" }), "lyss_abc");
  assert.equal(read("/v1beta/models?key=lyss_abc", { authorization: "Bearer lyss_def" }), "");
  assert.equal(read("/v1beta/models?key=a&key=b"), "");
  assert.equal(read("/v1beta/models"), undefined);
  assert.equal(read("/v1/models/m:generateContent", { "x-goog-api-key": "lyss_abc" }), "lyss_abc");
  for (const path of ["/v1/batches", "/v1beta/batches/b:cancel"])
    assert.equal(read(path, { "x-goog-api-key": "lyss_abc" }), "lyss_abc");
  for (const path of ["/v1/chat/completions", "/v1/modelsX", "/api/v1/ai/models"])
    assert.equal(read(`${path}?key=lyss_abc`, { "x-goog-api-key": "lyss_abc" }), undefined);
});
