import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { after, test } from "node:test";
import { constants, createZstdCompress, gzipSync, zstdCompressSync } from "node:zlib";
import { createSeeded } from "../testing/seeded-random.ts";
import { type TestOps, testRoutes } from "./http-test-routes.ts";
import { errorOf, exchangeBytes, signedIn, startTestServer } from "./http-test-server.ts";

const ops: TestOps = { seen: [] };
const server = await startTestServer({ mounted: [{ name: "thing", routes: testRoutes, ops, peerUrl: undefined }] });
after(() => server.close());
const { sendJson } = server;

const badBodies: readonly [name: string, body: string, field: string, reason: string][] = [
  ["unknown field", '{"name":"a","isAdmin":true}', "isAdmin", "is not a known field; leave it out"],
  ["__proto__", '{"name":"a","__proto__":{"admin":true}}', "__proto__", "is not an allowed field name"],
  ["a name twice", '{"name":"a","name":"b"}', "body", "names a field twice"],
  ["deep constructor", '{"name":"a","extra":{"x":{"constructor":{}}}}', "constructor", "is not an allowed field name"],
  ["too long", '{"name":"123456789"}', "name", "must have at most 8 characters"],
  ["missing", "{}", "name", "is required"],
  ["no body", "", "body", "is required"],
  ["not JSON", "{", "body", "is not valid JSON"],
  ["wrong type inside", '{"name":"a","tags":["x",1]}', "tags.1", "must be a string, not a number"],
  ["depth bomb", `${"[".repeat(10_000)}${"]".repeat(10_000)}`, "body", "is nested deeper than 64 levels"],
  ["value bomb", `{"extra":{"a":[${"0,".repeat(400_000)}0]}}`, "body", "holds more than 20000 values"],
];

test("S12: each bad body is 400 and names the field, the bound and what to do; no prototype changes", async () => {
  ops.seen.length = 0;
  for (const [name, body, field, reason] of badBodies) {
    const response = await sendJson("/v1/things", body);
    assert.equal(response.status, 400, name);
    const { code, message } = await errorOf(response);
    assert.deepEqual([code, message], ["KIT_002", `${field}: ${reason}`], name);
  }
  assert.equal(ops.seen.length, 0);
  assert.equal(({} as { admin?: boolean }).admin, undefined);
});

test("a query is parsed, bounded and strict: unknown or repeated fields are refused, lists may repeat", async () => {
  const read = (query: string) => fetch(`${server.url}/v1/things${query}`, { headers: signedIn });
  assert.deepEqual(await (await read("")).json(), { limit: 5, tags: [] });
  assert.deepEqual(await (await read("?limit=7&tag=a")).json(), { limit: 7, tags: ["a"] });
  assert.deepEqual(await (await read("?tag=a&tag=b")).json(), { limit: 5, tags: ["a", "b"] });
  for (const query of ["?limit=11", "?limit=x", "?limit=1&limit=2", "?admin=true", "?__proto__=1", "?constructor=1"]) {
    assert.equal((await read(query)).status, 400, query);
  }
});

test("sizes and types: 413 by length and while reading, 415 for compression and other types", async () => {
  const big = "x".repeat(1_100_000);
  assert.equal((await sendJson("/v1/things", big)).status, 413);
  assert.equal((await sendJson("/v1/raw", "x".repeat(1_001))).status, 413);
  assert.equal((await sendJson("/v1/raw", "x".repeat(1_000))).status, 200);
  for (const path of ["/v1/raw", "/v1/things"]) {
    const compressed = await sendJson(path, "x", { ...signedIn, "content-encoding": "br" });
    assert.equal(compressed.status, 415);
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    const headers = { ...signedIn, "content-type": "application/json" };
    const endless = await fetch(server.url + path, { method: "POST", headers, body, duplex: "half" }).then(
      (response) => response.status,
      () => "closed",
    );
    assert.ok(endless === 413 || endless === "closed", String(endless));
  }
  const text = await sendJson("/v1/things", "name=a", {
    ...signedIn,
    "content-type": "application/x-www-form-urlencoded",
  });
  assert.equal(text.status, 415);
});

test("compressed bodies are read by raw routes alone, and what they hold counts as much as what came", async () => {
  const ways = { gzip: gzipSync, zstd: zstdCompressSync };
  for (const [encoding, compress] of Object.entries(ways)) {
    const send = async (bytes: Uint8Array<ArrayBuffer>, path = "/v1/raw", said = encoding) => {
      const headers = { ...signedIn, "content-type": "application/json", "content-encoding": said };
      const answer = await fetch(server.url + path, { method: "POST", headers, body: bytes });
      return [answer.status, await answer.text()] as const;
    };
    const bytesOf = (length: number) => new Uint8Array(compress("x".repeat(length)));
    assert.deepEqual(await send(bytesOf(1_000)), [200, "1000 usr_1 true"], encoding);
    assert.equal((await send(bytesOf(1_000), "/v1/raw", encoding.toUpperCase()))[0], 200);
    assert.equal((await send(bytesOf(1_000), "/v1/things"))[0], 415);
    assert.equal((await send(bytesOf(1_000), "/v1/raw", `${encoding}, ${encoding}`))[0], 415);
    assert.equal((await send(bytesOf(1_001)))[0], 413);
    assert.equal((await send(bytesOf(100_000_000)))[0], 413, "a small body that holds much");
    const whole = bytesOf(500);
    for (const end of [1, 5, whole.length - 1]) {
      const [status, text] = await send(whole.slice(0, end));
      assert.deepEqual([status, JSON.parse(text).dialect], [400, "kit.invalid_request"], `${encoding} cut at ${end}`);
    }
    assert.equal((await send(new TextEncoder().encode("not compressed")))[0], 400);
  }
  // Little comes out of as many empty frames as one likes.
  const empty = new Uint8Array(gzipSync(""));
  const many = new Uint8Array(empty.length * 60);
  for (let at = 0; at < 60; at++) many.set(empty, at * empty.length);
  const endless = ReadableStream.from([many]);
  const headers = { ...signedIn, "content-type": "application/json", "content-encoding": "gzip" };
  const status = await fetch(`${server.url}/v1/raw`, { method: "POST", headers, body: endless, duplex: "half" }).then(
    (answer) => answer.status,
    () => "closed",
  );
  assert.ok(status === 413 || status === "closed", String(status));
});

test("a window that would take more memory than 8 MiB is refused", async () => {
  const params = { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_enableLongDistanceMatching]: 1 };
  const bytes = await buffer(Readable.from([Buffer.from("x")]).pipe(createZstdCompress({ params })));
  const headers = { ...signedIn, "content-type": "application/json", "content-encoding": "zstd" };
  const answer = await fetch(`${server.url}/v1/raw`, { method: "POST", headers, body: new Uint8Array(bytes) });
  assert.equal(answer.status, 400);
});

test("an answer that has begun is cut off, never ended as if it were whole", async () => {
  const head = "POST /v1/raw HTTP/1.1\r\nHost: lyss\r\nAuthorization: Bearer all\r\nContent-Length: 4\r\n\r\n";
  const answer = await exchangeBytes(server.port, `${head}late`);
  assert.ok(!answer.includes("0\r\n\r\n"), answer);
});

test("a malformed traceparent starts a new trace and the client's own request id is not ours", async () => {
  for (const traceparent of ["x", "00-0-0-00", `00-${"0".repeat(32)}-${"0".repeat(16)}-00`, "ff".repeat(3_000)]) {
    const headers = { ...signedIn, traceparent, "x-request-id": "req_mine" };
    const response = await fetch(`${server.url}/v1/things/a:rotate`, { method: "POST", headers });
    assert.equal(response.status, 200);
    assert.match(((await response.json()) as { trace: string }).trace, /^[0-9a-f]{32}$/);
    assert.notEqual(response.headers.get("x-request-id"), "req_mine");
  }
});

test("no spelling of a path but its own reaches a handler", async () => {
  const variants = [
    ...["/v1/things/", "//v1/things", "/v1//things", "/V1/things", "/v1/Things", "/v1/%74hings", "/v1/things%2F"],
    ...["/v1/things/%2e", "/v1/x/../things", "/v1/./things", "/v1/things/a%2Frotate", "/v1/things/a%3Arotate"],
    ...[
      "/v1/names/a%2F",
      "/v1/names/%2Fa",
      "/v1/names/a%2F%2Fb",
      "/v1/names/a%2F..%2Fb",
      "/v1/names%2Fa",
      "/v1/names/%61",
    ],
    ...[
      "/v1/names/",
      "/v1/names/%2E%2E",
      "/v1/names/a%252Fb%2F",
      "/v1/%6Eames/a%2Fb",
      "/v1/names/a%5Cb",
      "/v1/names/%2e%2fa",
    ],
    ...["/v1\\things", "/v1/things;x", "/v1/things/", "/v1/things%00", "/v1/things%20", "/v1/raw/", "/v1/%72aw"],
    ...[
      "/v1/raw#x",
      "/v1/things#x",
      "http://lyss/v1/things",
      "*",
      "/v1/things/%zz",
      "/%2e%2e/v1/things",
      "/v1/things/a/",
    ],
    `/v1/things/${"a".repeat(300)}`,
  ];
  for (const method of ["GET", "POST"]) {
    for (const path of variants) {
      const answer = await exchangeBytes(
        server.port,
        `${method} ${path} HTTP/1.1\r\nHost: lyss\r\nAuthorization: Bearer all\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      );
      assert.match(answer, /^HTTP\/1\.1 40[04] /, `${method} ${path}: ${answer.slice(0, 40)}`);
    }
  }
});

test("S4: a head that two servers could read differently is 400", async () => {
  const hosts = ["a/b", "a?b", "a#b", "u@a", "a b", "a\\b", "a,b", "a:b", "[::1", "a:123456"];
  for (const host of hosts) {
    assert.match(
      await exchangeBytes(server.port, `GET /v1/open HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
      /^HTTP\/1\.1 400 /,
      host,
    );
  }
  for (const host of ["lyss", "127.0.0.1:80", "[::1]:8080", ""]) {
    assert.match(
      await exchangeBytes(server.port, `GET /v1/open HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
      /^HTTP\/1\.1 200 /,
      host,
    );
  }
  const head = "GET /v1/open HTTP/1.1\r\nHost: lyss\r\n";
  for (const twice of ["host: other", "Authorization: a\r\nauthorization: b", "X-Api-Key: a\r\nx-api-key: b"]) {
    assert.match(
      await exchangeBytes(server.port, `${head}${twice}\r\nConnection: close\r\n\r\n`),
      /^HTTP\/1\.1 400 /,
      twice,
    );
  }
});

test("S4: 1,000 Hosts that hold what belongs to a path, a query or a user are 400, whatever path they would make", async () => {
  const seeded = createSeeded(1);
  const bad = ["/", "?", "#", "@", " ", "\\", "/v1/open", "?a=b", "#c", "@lyss", "%2f", "/../", ";", "\t", '"', "<"];
  const good = ["lyss", "lyss.example.com", "127.0.0.1:8080", "[::1]:80"];
  const draw = (list: readonly string[]) => list[seeded.between(0, list.length - 1)] ?? "";
  for (let batch = 0; batch < 20; batch++) {
    const hosts = Array.from({ length: 50 }, () => {
      const host = draw(good);
      // White space around a value is no part of it.
      const at = seeded.between(1, host.length - 1);
      return host.slice(0, at) + draw(bad) + host.slice(at);
    });
    const answers = await Promise.all(
      hosts.map((host) => {
        const path = seeded.next() < 0.5 ? "/v1/open" : "/v1/things";
        return exchangeBytes(server.port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      }),
    );
    for (const [at, answer] of answers.entries()) assert.match(answer, /^HTTP\/1\.1 400 /, hosts[at] ?? "");
  }
});

test("S5: smuggling attempts are 400 and end the connection", async () => {
  const next = "GET /v1/open HTTP/1.1\r\nHost: lyss\r\n\r\n";
  const head = "POST /v1/raw HTTP/1.1\r\nHost: lyss\r\nAuthorization: Bearer all\r\n";
  const attempts = {
    "CL.TE": `${head}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG${next}`,
    "TE.CL": `${head}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n${next}`,
    "two lengths": `${head}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab${next}`,
    "length list": `${head}Content-Length: 1, 1\r\n\r\na${next}`,
    "signed length": `${head}Content-Length: +1\r\n\r\na${next}`,
    "bad coding": `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${next}`,
    "bare LF": `POST /v1/raw HTTP/1.1\nHost: lyss\nContent-Length: 0\n\n${next}`,
    "bare CR": `${head}X-A: b\rContent-Length: 5\r\n\r\n${next}`,
    "obs-fold": `${head}X-A: b\r\n folded\r\nContent-Length: 0\r\n\r\n${next}`,
    "space before colon": `${head}Content-Length : 0\r\n\r\n${next}`,
    "no host": `GET /v1/open HTTP/1.1\r\n\r\n${next}`,
    NUL: `${head}X-A: \0\r\n\r\n${next}`,
    "chunks in HTTP/1.0": `${head.replace("1.1", "1.0")}Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${next}`,
  };
  for (const [name, bytes] of Object.entries(attempts)) {
    const answer = await exchangeBytes(server.port, bytes);
    assert.match(answer, /^HTTP\/1\.1 400 /, name);
    assert.equal(answer.split("HTTP/1.1").length, 2, `${name}: one answer only`);
  }
});
