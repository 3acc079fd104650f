import assert from "node:assert/strict";
import { test } from "node:test";
import {
  composeRequest,
  maxJoinedBytes,
  maxRequestHeadBytes,
  type RequestStart,
  toRequestStart,
} from "./request-bytes.ts";
import { UpstreamError } from "./upstream-error.ts";

const line = { method: "POST", path: "/v1/x?y=%20", authority: "a.example:81", headers: {} } as const;

test("a request is one buffer: head, length in bytes, body", () => {
  const start = toRequestStart({ ...line, headers: { authorization: "Bearer k", "x-empty": "" } });
  const { bytes, longBody, isHead } = composeRequest(start, Buffer.from("é"));
  const head = "POST /v1/x?y=%20 HTTP/1.1\r\nhost: a.example:81\r\nauthorization: Bearer k\r\nx-empty: \r\n";
  assert.equal(bytes.toString(), `${head}content-length: 2\r\n\r\né`);
  assert.deepEqual([longBody, isHead], [undefined, false]);
});

test("a long body stays where it is", () => {
  const body = Buffer.alloc(maxJoinedBytes, "a");
  const { bytes, longBody } = composeRequest(toRequestStart(line), body);
  assert.equal(longBody, body);
  assert.ok(bytes.toString().endsWith(`content-length: ${maxJoinedBytes}\r\n\r\n`));
});

test("without a body GET and HEAD have no length, and POST has none to wait for", () => {
  const sent = (method: RequestStart["method"]) => composeRequest(toRequestStart({ ...line, method }), undefined);
  assert.doesNotMatch(sent("GET").bytes.toString(), /content-length/);
  assert.match(sent("POST").bytes.toString(), /content-length: 0\r\n\r\n$/);
  assert.deepEqual([sent("GET").isHead, sent("HEAD").isHead], [false, true]);
});

test("nothing that would be another field, another request or another length can be written", () => {
  const bad: readonly Partial<RequestStart>[] = [
    ...["x", "", "/a b", "/a\r\nX: y", "/\u00e9", "/\u010a"].map((path) => ({ path })),
    ...["", "a b", "a\r\nX: y"].map((authority) => ({ authority })),
    ...["", "a b", "a:", "a\r\n", "\u00e9", "\u0161"].map((name) => ({ headers: { [name]: "x" } })),
    ...["a\r\nX: y", "a\nb", "a\rb", "a\u0000b", "\u010a", "\u7801"].map((value) => ({ headers: { "x-a": value } })),
    ...["host", "content-length", "transfer-encoding", "connection", "upgrade", "expect", "te"].map((name) => ({
      headers: { [name]: "x" },
    })),
    { headers: { "x-a": "a".repeat(maxRequestHeadBytes) } },
  ];
  for (const part of bad) {
    assert.throws(
      () => toRequestStart({ ...line, ...part }),
      (err) => err instanceof UpstreamError && err.kind === "invalid_request" && !err.mayHaveLeft,
      JSON.stringify(part).slice(0, 80),
    );
  }
});

test("an error does not repeat the value that was refused", () => {
  assert.throws(
    () => toRequestStart({ ...line, headers: { authorization: "Bearer secret\n" } }),
    (err) => err instanceof UpstreamError && !err.message.includes("secret"),
  );
});
