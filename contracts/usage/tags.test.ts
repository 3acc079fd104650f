import assert from "node:assert/strict";
import { test } from "node:test";
import { maxTagsLength, parseTags, toTagRecord } from "./tags.ts";

test("tags are trimmed and sorted, and come back by key", () => {
  assert.equal(parseTags("team=search, env=prod"), "env=prod,team=search");
  assert.deepEqual(toTagRecord("env=prod,team=search"), { env: "prod", team: "search" });
  assert.equal(parseTags(""), "");
  assert.deepEqual(toTagRecord(""), {});
  assert.deepEqual(toTagRecord(undefined), {});
  assert.equal(parseTags("a=x:y/z@1.2+3_4-5"), "a=x:y/z@1.2+3_4-5");
});

test("as many and as long tags as are allowed fit, and one more or longer does not", () => {
  const tag = (n: number, more = 0) => `k${n}${"x".repeat(38)}=${"v".repeat(100 + more)}`;
  const most = Array.from({ length: 8 }, (_, n) => tag(n)).join(",");
  assert.equal(parseTags(most), most);
  assert.ok(most.length <= maxTagsLength);
  assert.equal(parseTags(`${most},z=1`), undefined);
  assert.equal(parseTags(tag(1, 1)), undefined);
  assert.equal(parseTags(`k${"x".repeat(40)}=1`), undefined);
});

test("what is no tag is none", () => {
  for (const text of [
    "a",
    "a=",
    "=b",
    "A=b",
    "1=b",
    "a=b c",
    "a=b,a=c",
    "a=b,",
    ",",
    "a=b=c",
    'a="b"',
    "a={b}",
    "a=é",
    "a=\0",
  ]) {
    assert.equal(parseTags(text), undefined, text);
  }
});
