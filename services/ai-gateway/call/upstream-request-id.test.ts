import assert from "node:assert/strict";
import { test } from "node:test";
import { findUpstreamRequestId } from "./upstream-request-id.ts";

const findIn = (head: Readonly<Record<string, string>>) => findUpstreamRequestId({ find: (name) => head[name] });

test("W41: each vendor's own id of a request is found, and what is none is not written down", () => {
  const names = [
    "x-request-id",
    "request-id",
    "apim-request-id",
    "x-amzn-requestid",
    "x-debug-trace-id",
    "dg-request-id",
  ];
  for (const name of names) assert.equal(findIn({ [name]: "req_1" }), "req_1", name);
  assert.equal(findIn({ "apim-request-id": "b", "x-request-id": "a" }), "a");
  assert.equal(findIn({ "request-id": "b", "x-request-id": "with spaces" }), "b");
  for (const wrong of ["", " ", "a\nb", "é", "x".repeat(201)])
    assert.equal(findIn({ "x-request-id": wrong }), undefined);
  assert.equal(findIn({}), undefined);
});
