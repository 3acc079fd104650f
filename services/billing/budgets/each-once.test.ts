import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { requireEachOnce } from "./each-once.ts";

test("two limits of the same unit and period are refused, in both languages; of one of them they are not", () => {
  requireEachOnce([]);
  requireEachOnce([
    { unit: "money", period: "day" },
    { unit: "money", period: "hour" },
    { unit: "calls", period: "day" },
  ]);
  const twice = { unit: "money", period: "day" } as const;
  assert.throws(
    () => requireEachOnce([twice, { unit: "calls", period: "day" }, twice]),
    (err) => {
      assert.ok(isFailure(err, kitFailures.invalid_request));
      assert.deepEqual(err.details, {
        field: "limits",
        reason: "has two limits of the same unit and period",
        reason_zh_CN: "包含单位和周期相同的两个限额",
      });
      return true;
    },
  );
});
