import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { fromConnectError, toConnectError } from "./failure-codec.ts";

test("any client reads the gRPC status and the English text; ours read the failure", () => {
  const failure = new Failure(
    kitFailures.invalid_request,
    { field: "姓名", reason: "too long" },
    { retryAfterMs: 0.4 },
  );
  const err = toConnectError(failure);
  assert.deepEqual([err.code, err.rawMessage], [Code.InvalidArgument, "姓名: too long"]);
  const decoded = fromConnectError(err);
  assert.deepEqual([decoded?.type, decoded?.details], [failure.type, failure.details]);
  assert.equal(decoded?.retryAfterMs, 1);
});

test("details too large for a header are left out, and the failure is still the same", () => {
  const err = toConnectError(new Failure(kitFailures.invalid_request, { field: "x".repeat(5000), reason: "" }));
  const decoded = fromConnectError(err);
  assert.deepEqual([decoded?.type, decoded?.details], [kitFailures.invalid_request, {}]);
});

test("a code that nobody declared here is no failure, and unreadable details are none", () => {
  assert.equal(
    fromConnectError(new ConnectError("x", Code.Internal, { "lyss-failure": "from.the_future" })),
    undefined,
  );
  assert.equal(fromConnectError(new ConnectError("x", Code.Internal)), undefined);
  const spoilt = { "lyss-failure": "kit.internal", "lyss-failure-details": "!!!" };
  assert.deepEqual(fromConnectError(new ConnectError("x", Code.Internal, spoilt))?.details, {});
});
