import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { parseIfMatch, toEntityTag } from "./entity-tag.ts";

test("a version comes back from its entity tag, and '*' or no header expects none", () => {
  for (const version of [0, 7, 123_456_789_012_345]) assert.equal(parseIfMatch(toEntityTag(version)), version);
  for (const header of [undefined, "*", " * "]) assert.equal(parseIfMatch(header), undefined);
});

test("what is not one strong tag of ours is refused by name", () => {
  for (const header of ["", "7", 'W/"7"', '"7", "8"', '"a"', '"-1"', '"1.5"', `"${"9".repeat(16)}"`]) {
    assert.throws(
      () => parseIfMatch(header),
      (err) => isFailure(err, kitFailures.invalid_request) && err.details["field"] === "If-Match",
      header,
    );
  }
});
