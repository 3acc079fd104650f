import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type TestOps, testRoutes } from "./http-test-routes.ts";
import { errorOf, signedIn, startTestServer, testCaller } from "./http-test-server.ts";

const ops: TestOps = { seen: [] };
const server = await startTestServer({ mounted: [{ name: "thing", routes: testRoutes, ops, peerUrl: undefined }] });
after(() => server.close());
const { sendJson } = server;

test("an expected failure answers with exactly the seven fields, in the caller's language", async () => {
  const response = await sendJson("/v1/pay", { how: "expected" }, { "accept-language": "fr, zh-TW;q=0.9, en;q=0.5" });
  assert.equal(response.status, 402);
  assert.equal(response.headers.get("retry-after"), "2");
  assert.equal(response.headers.get("content-language"), "zh-CN");
  assert.match(response.headers.get("x-request-id") ?? "", /^req_[0-9a-z]{26}$/);
  const { trace_id, ...error } = await errorOf(response);
  assert.match(trace_id, /^[0-9a-f]{32}$/);
  assert.deepEqual(error, {
    code: "HTTPTEST_001",
    message: "余额不足：剩余 50",
    message_i18n: { zh_CN: "余额不足：剩余 50", en_US: "Insufficient balance: 50 left" },
    details: { available: 50 },
    retryable: false,
    doc_url: "https://docs.test/errors/httptest-001",
  });
});

test("a bug, and an answer against its schema, show nothing but a trace id and are logged once", async () => {
  for (const how of ["bug", "shape", "bigint"]) {
    server.logged.length = 0;
    const response = await sendJson("/v1/pay", { how });
    assert.equal(response.status, 500, how);
    const text = await response.clone().text();
    assert.ok(!text.includes("secret") && !text.includes("at "), text);
    const error = await errorOf(response);
    assert.equal(error.code, "KIT_001");
    const bugs = server.logged.filter((line) => line["level"] === 50);
    assert.equal(bugs.length, 1);
    assert.equal(bugs[0]?.["trace_id"], error.trace_id);
    assert.match(JSON.stringify(bugs[0]), /stack/);
  }
});

test("401 comes before 403, and both before the body is looked at", async () => {
  const none = await sendJson("/v1/things", "{not json", {});
  assert.equal(none.status, 401);
  assert.equal(none.headers.get("www-authenticate"), "Bearer");
  const bad = await sendJson("/v1/things", "{not json", { authorization: "Bearer nonsense" });
  assert.equal(bad.status, 401);
  const reader = await sendJson("/v1/things", "{not json", { authorization: "Bearer reader" });
  assert.equal(reader.status, 403);
  assert.equal((await errorOf(reader)).details["permission"], "things:write");
  assert.equal((await sendJson("/v1/things", "{not json")).status, 400);
  assert.equal((await sendJson("/v1/raw", "x", {})).status, 401);
  assert.equal((await sendJson("/v1/raw", "x", { authorization: "Bearer reader" })).status, 403);
});

test("an unreachable guard is 503, never 401", async () => {
  const response = await fetch(`${server.url}/v1/things`, { headers: { authorization: "Bearer outage" } });
  assert.equal(response.status, 503);
});

test("a public route knows a valid caller and lets everyone else in", async () => {
  const read = async (headers: Record<string, string>) => (await fetch(`${server.url}/v1/open`, { headers })).json();
  assert.deepEqual(await read(signedIn), { user: testCaller.userId, address: "127.0.0.1" });
  for (const token of ["nonsense", "outage"]) {
    assert.equal(((await read({ authorization: `Bearer ${token}` })) as { user: string }).user, "nobody");
  }
  assert.equal(((await read({})) as { user: string }).user, "nobody");
});

test("a raw route gets bytes, caller and context, and fails in its own dialect", async () => {
  const response = await sendJson("/v1/raw", "hello");
  assert.equal(await response.text(), `5 ${testCaller.userId} true`);
  const failed = await sendJson("/v1/raw", "throw");
  assert.equal(failed.status, 500);
  const requestId = failed.headers.get("x-request-id");
  assert.deepEqual(await failed.json(), { dialect: "kit.internal", requestId });
  assert.equal(
    ((await (await sendJson("/v1/raw", "x", {})).json()) as { dialect: string }).dialect,
    "kit.unauthenticated",
  );
});

test("a dialect that cannot tell its own failure falls back to the common body", async () => {
  const response = await fetch(`${server.url}/v1/raw-read`);
  assert.equal(response.status, 500);
  assert.equal((await errorOf(response)).code, "KIT_001");
});

test("verbs and parameters: the last colon starts the verb, the caller's trace goes on, locale is known", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const headers = { ...signedIn, traceparent, "accept-language": "zh" };
  const response = await fetch(`${server.url}/v1/things/a:b:rotate`, { method: "POST", headers });
  const trace = "0af7651916cd43dd8448eb211c80319c";
  assert.deepEqual(await response.json(), { rotated: "a:b", trace, locale: "zh_CN" });
  const get = await fetch(`${server.url}/v1/things/llama3:8b%20%E4%BD%A0`, { headers: signedIn });
  assert.deepEqual(await get.json(), { id: "llama3:8b 你", name: "n" });
});

test("a name with slashes and colons is the same name however a client writes them, and a verb behind it is none of it", async () => {
  const ask = async (path: string, method = "GET") => {
    const response = await fetch(`${server.url}/v1/names/${path}`, { method, headers: signedIn });
    return [response.status, await response.json()] as const;
  };
  for (const written of [
    "openai/gpt-4o:free",
    "openai%2Fgpt-4o%3Afree",
    "openai%2fgpt-4o:free",
    "openai/gpt-4o%3afree",
  ]) {
    assert.deepEqual(await ask(written), [200, { name: "openai/gpt-4o:free" }], written);
    assert.deepEqual(await ask(`${written}:test`, "POST"), [200, { tested: "openai/gpt-4o:free" }], written);
  }
  assert.deepEqual(await ask("plain"), [200, { name: "plain" }]);
  assert.equal((await ask("openai/gpt-4o", "POST"))[0], 404);
  assert.equal((await ask("openai/gpt-4o", "DELETE"))[0], 405);
  assert.equal((await ask(`${"a/".repeat(150)}b`))[0], 404);
});

test("known paths answer 405 with Allow and OPTIONS, HEAD answers like GET, 204 has no body", async () => {
  const ask = (method: string, path: string) => fetch(server.url + path, { method, headers: signedIn });
  const wrong = await ask("PUT", "/v1/things/a");
  assert.equal(wrong.status, 405);
  assert.equal(wrong.headers.get("allow"), "GET, HEAD, DELETE, OPTIONS");
  assert.equal((await errorOf(wrong)).code, "KIT_012");
  assert.equal((await ask("GET", "/v1/raw")).headers.get("allow"), "POST, OPTIONS");
  assert.equal((await ask("POST", "/openapi.json")).headers.get("allow"), "GET, HEAD, OPTIONS");
  const options = await ask("OPTIONS", "/v1/things");
  assert.deepEqual([options.status, options.headers.get("allow")], [204, "GET, HEAD, POST, OPTIONS"]);
  for (const path of ["/v1/things", "/v1/raw-read", "/openapi.json"]) {
    const head = await ask("HEAD", path);
    assert.deepEqual([head.status, await head.text()], [200, ""], path);
  }
  assert.equal((await fetch(`${server.url}/v1/things`, { method: "HEAD" })).status, 401);
  assert.equal((await ask("DELETE", "/v1/things/a")).status, 204);
  assert.equal((await ask("PROPFIND", "/v1/things")).status, 404);
});

test("requests are counted by route template, never by the path that was sent", async () => {
  await fetch(`${server.url}/v1/things/secret-id`, { headers: signedIn });
  await fetch(`${server.url}/v1/no-such-path`);
  const text = await server.metrics.metrics();
  assert.match(text, /http_requests_total\{method="GET",handler="\/v1\/things\/\{id\}",code="200"\} \d/);
  assert.match(text, /http_requests_total\{method="any",handler="unmatched",code="404"\} \d/);
  assert.match(text, /http_request_duration_seconds_count\{method="POST",handler="\/v1\/raw"\} \d/);
  assert.ok(!text.includes("secret-id") && !text.includes("no-such-path"));
});
