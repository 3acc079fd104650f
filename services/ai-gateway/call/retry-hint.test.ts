import assert from "node:assert/strict";
import { test } from "node:test";
import { readRetryHint } from "./retry-hint.ts";

const read = (headers: Readonly<Record<string, string>>, body?: unknown) =>
  readRetryHint((name) => headers[name], body);
const date = "Fri, 27 Nov 2026 05:00:00 GMT";
const googles = (retryDelay: unknown) => ({
  error: { details: [{ "@type": "x" }, { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay }] },
});

test("W36: a provider's hint is read in each of its forms, the exactest first, an hour at most", () => {
  assert.equal(read({ "retry-after": "2" }), 2_000);
  assert.equal(read({ "retry-after": "0.25" }), 250);
  assert.equal(read({ "retry-after": "2", "retry-after-ms": "1234" }), 1_234);
  assert.equal(read({ "retry-after": "2", "x-ms-retry-after-ms": "1500.5" }), 1_501);
  assert.equal(read({ "retry-after": "Fri, 27 Nov 2026 05:01:30 GMT", date }), 90_000);
  assert.equal(read({ "retry-after": "Fri, 27 Nov 2026 04:59:00 GMT", date }), 0, "it is over");
  assert.equal(read({}, googles("34.074824224s")), 34_075);
  assert.equal(read({}, [googles("3s")]), 3_000);
  assert.equal(read({ "retry-after": "1" }, googles("3s")), 1_000);
  assert.equal(read({ "retry-after": "86400" }), 3_600_000);
});

test("W36: what is none of them is no hint", () => {
  for (const wrong of ["", "-1", "soon", "1e3", "0x10", "2026-11-27", "Infinity", "1,5", "9999999999"]) {
    assert.equal(read({ "retry-after": wrong, "retry-after-ms": wrong, date }), undefined, wrong);
    assert.equal(read({}, googles(wrong)), undefined, wrong);
  }
  assert.equal(read({ "retry-after": "Fri, 27 Nov 2026 05:01:30 GMT" }), undefined, "counted by no clock but its own");
  for (const body of [undefined, null, 1, "x", [], {}, { error: { details: {} } }, googles(3), googles(undefined)]) {
    assert.equal(read({}, body), undefined);
  }
});
