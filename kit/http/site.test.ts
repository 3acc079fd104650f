import assert from "node:assert/strict";
import { request } from "node:http";
import { after, test } from "node:test";
import { z } from "zod";
import { startTestServer } from "./http-test-server.ts";
import { routesFor } from "./route.ts";
import { type SiteFile, toSiteFile } from "./site.ts";

const { json } = routesFor<object>();
const routes = [
  json({
    ...{ method: "GET", path: "/api/v1/things", permission: "public", operation: "listThings", summary: "Things." },
    response: z.strictObject({}),
    handle: () => ({}),
  }),
];
const file = (contentType: string, text: string, isImmutable: boolean) =>
  toSiteFile({
    ...{ contentType, isImmutable, plain: Buffer.from(text) },
    ...{ br: Buffer.from(`br ${text}`), gzip: Buffer.from(`gzip ${text}`) },
  });
const built = new Map<string, SiteFile>([
  ["/index.html", file("text/html; charset=utf-8", "<p>page", false)],
  ["/assets/app-1.js", file("text/javascript; charset=utf-8", "app", true)],
]);
let files: ReadonlyMap<string, SiteFile> | undefined = built;
const site = { files: () => files, notice: () => ({ html: "<p>wait", retrySeconds: 2 }) };
const server = await startTestServer({ mounted: [{ name: "things", routes, ops: {}, peerUrl: undefined }], site });
after(() => server.close());

/** By node:http, which sends paths as they are written. */
function ask(path: string, headers: Record<string, string> = {}, method = "GET") {
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
    const { hostname, port } = new URL(server.url);
    const sent = request({ hostname, port, path, method, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString() }),
      );
    });
    sent.on("error", reject).end();
  });
}

const html = { accept: "text/html,*/*;q=0.8" };

test("whatever address a browser opens is the page, unless it is the API's", async () => {
  for (const path of ["/", "/keys", "/keys/key_1", "/anything/at/all"]) {
    assert.deepEqual([(await ask(path, html)).status, (await ask(path, html)).text], [200, "<p>page"], path);
  }
  assert.equal((await ask("/")).text, "<p>page");
  for (const path of ["/api/v1/none", "/api", "/assets/none.js", "/openapi.json/x"]) {
    const { status, headers } = await ask(path, html);
    assert.deepEqual([status, headers["content-type"]], [404, "application/json; charset=utf-8"], path);
  }
  assert.equal((await ask("/keys", { accept: "application/json" })).status, 404);
  assert.deepEqual((await ask("/api/v1/things", html)).text, "{}");
});

test("only GET and HEAD are answered, and HEAD without a body", async () => {
  for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
    assert.equal((await ask("/", html, method)).status, 404, method);
  }
  const head = await ask("/assets/app-1.js", {}, "HEAD");
  assert.deepEqual([head.status, head.text, head.headers["content-length"]], [200, "", "3"]);
});

test("files go out as they were compressed before, as far as the client takes that", async () => {
  const asked: readonly (readonly [string | undefined, string | undefined, string])[] = [
    ["gzip, deflate, br", "br", "br app"],
    ["gzip", "gzip", "gzip app"],
    ["br;q=0, gzip;q=0.5", "gzip", "gzip app"],
    ["identity", undefined, "app"],
    [undefined, undefined, "app"],
  ];
  for (const [accepted, encoding, text] of asked) {
    const answer = await ask("/assets/app-1.js", accepted === undefined ? {} : { "accept-encoding": accepted });
    assert.deepEqual([answer.headers["content-encoding"], answer.text], [encoding, text], String(accepted));
    assert.equal(answer.headers["vary"], "accept-encoding");
  }
});

test("what has a hash in its name is kept for good; the page is asked for each time, and comes once", async () => {
  const asset = await ask("/assets/app-1.js");
  assert.equal(asset.headers["cache-control"], "public, max-age=31536000, immutable");
  const page = await ask("/keys", html);
  assert.equal(page.headers["cache-control"], "no-cache");
  const etag = String(page.headers["etag"]);
  for (const known of [etag, `W/${etag}`, `"x", ${etag}`]) {
    const again = await ask("/keys", { ...html, "if-none-match": known });
    assert.deepEqual([again.status, again.text], [304, ""], known);
  }
  assert.equal((await ask("/keys", { ...html, "if-none-match": '"other"' })).status, 200);
});

test("the page allows no script, style or frame but its own", async () => {
  const { headers } = await ask("/", html);
  const policy = String(headers["content-security-policy"]);
  assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*|https?:/);
  assert.deepEqual([headers["x-content-type-options"], headers["x-frame-options"]], ["nosniff", "DENY"]);
});

test("no path leads out of the files", async () => {
  for (const path of [
    "/../package.json",
    "/assets/../index.html",
    "/assets/%2e%2e/x",
    "//etc/passwd",
    "/assets/..%2fx",
  ]) {
    assert.equal((await ask(path, html)).status, 404, path);
  }
});

test("while nothing is built, a browser is told and comes back by itself; the API goes on", async () => {
  files = undefined;
  const { status, headers, text } = await ask("/keys", html);
  assert.deepEqual([status, text, headers["refresh"], headers["cache-control"]], [503, "<p>wait", "2", "no-store"]);
  assert.equal((await ask("/api/v1/things")).status, 200);
  files = built;
});
