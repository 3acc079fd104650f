import assert from "node:assert/strict";
import { test } from "node:test";
import { FileAnswer, fileHeaders } from "./file-answer.ts";

test("a file is offered for saving under a name that cannot break out of its header", () => {
  const file = new FileAnswer("text/csv", "a-1_b.csv", Buffer.from("x"));
  assert.equal(fileHeaders(file)["content-disposition"], 'attachment; filename="a-1_b.csv"');
  for (const name of ["", 'a".csv', "a b", "a\r\nb", "../a", "é.csv", "x".repeat(121)]) {
    assert.throws(() => new FileAnswer("text/csv", name, Buffer.alloc(0)), TypeError, name);
  }
});
