import assert from "node:assert/strict";
import { test } from "node:test";
import { Decimal, toCsv } from "./csv.ts";

test("fields are quoted where they must be, and lines end with CRLF", () => {
  assert.equal(toCsv([["a", "b,c", 'd"e', "f\ng", ""], [1n]]), 'a,"b,c","d""e","f\ng",\r\n1\r\n');
});

test("a text that a spreadsheet would run is text; a negative number stays a number", () => {
  for (const text of ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]) {
    assert.match(toCsv([[text]]), /^"?'/, text);
  }
  assert.equal(toCsv([[new Decimal("-0.5"), -1n]]), "-0.5,-1\r\n");
});
