import assert from "node:assert/strict";
import { test } from "node:test";
import { parseExact } from "./exact-json.ts";

test("numbers that a double cannot hold come out as they went in, all others are numbers", () => {
  for (const text of ["12345678901234567890", "-9007199254740993", "0.12345678901234567890", "1e400", "1e-400"]) {
    assert.equal(JSON.stringify(parseExact(`{"a":[${text}],"b":"${text}"}`)), `{"a":[${text}],"b":"${text}"}`);
  }
  for (const text of ["0", "-1", "1.0", "0.7", "1e3", "123456789012345", "9007199254740991", "0.000"]) {
    assert.deepEqual(parseExact(`{"a":${text}}`), { a: Number(text) });
  }
  assert.throws(() => parseExact('{"a":12345678901234567890,}'), SyntaxError);
});
