import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "./failure.ts";
import { kitFailures } from "./kit-failures.ts";
import { toOutage } from "./outage.ts";

const withCode = (code: unknown) => Object.assign(new Error("x"), { code });

test("who cannot be reached is unavailable, with a time to ask again; every other error stays what it is", () => {
  for (const code of ["ECONNREFUSED", "CONNECTION_CLOSED", "57P01", "08006", "25006"]) {
    const failure = toOutage(withCode(code));
    assert.ok(isFailure(failure, kitFailures.unavailable), code);
    assert.deepEqual([failure.retryAfterMs, failure.type.httpStatus], [1_000, 503]);
  }
  for (const err of [withCode("23505"), withCode(8), withCode("ERR_ASSERTION"), new Error("x"), "ECONNREFUSED", null]) {
    assert.equal(toOutage(err), undefined);
  }
});
