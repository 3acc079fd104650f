import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type TestOps, testRoutes } from "./http-test-routes.ts";
import { exchangeBytes, signedIn, startTestServer } from "./http-test-server.ts";

const ops: TestOps = { seen: [] };
const mounted = [{ name: "thing", routes: testRoutes, ops, peerUrl: undefined }];
const server = await startTestServer({ mounted, aliases: { "/other/v1": "/v1" } });
after(() => server.close());

const ask = async (path: string, init: RequestInit = {}) => {
  const response = await fetch(server.url + path, { headers: signedIn, ...init });
  return [response.status, await response.text()];
};

test("what is below an alias is what is below its own place: by exact path, by parameters, with encoded names", async () => {
  for (const path of ["/v1/things/llama3:8b%20%E4%BD%A0", "/v1/names/openai%2Fgpt-4o%3Afree"]) {
    const [status, body] = await ask(path);
    assert.equal(status, 200, path);
    assert.deepEqual(await ask(`/other${path}`), [status, body]);
  }
  const posted = { method: "POST", body: "1234567" };
  assert.deepEqual(await ask("/other/v1/raw", posted), [200, "7 usr_1 true"]);
  assert.equal((await ask("/other/v1/raw", { ...posted, headers: { authorization: "Bearer reader" } }))[0], 403);
  assert.match(await server.metrics.metrics(), /handler="\/v1\/raw"/);
  assert.doesNotMatch(await server.metrics.metrics(), /handler="\/other/);
  assert.ok(!JSON.stringify(server.handler.openApiDocument()).includes("/other"));
});

test("an alias leads nowhere else: what is refused behind its own place is refused behind it", async () => {
  for (const path of ["/other/v1", "/other", "/other/v1x/raw", "/other/other/v1/raw", "/x/other/v1/raw"])
    assert.equal((await ask(path, { method: "POST", body: "x" }))[0], 404, path);
  const authorization = "authorization: Bearer all";
  for (const path of [
    "/other/v1/../v1/raw",
    "/other/v1//raw",
    "/other/v1/%2e%2e/raw",
    "/other/%761/raw",
    "//other/v1/raw",
  ]) {
    const head = `POST ${path} HTTP/1.1\r\nhost: x\r\n${authorization}\r\ncontent-length: 1\r\nconnection: close\r\n\r\nx`;
    assert.match(await exchangeBytes(server.port, head), /^HTTP\/1\.1 404/, path);
  }
});
