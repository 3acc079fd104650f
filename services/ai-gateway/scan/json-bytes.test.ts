import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { maxDepth, notJson, skipString, skipValue, toJsonBytes } from "./json-bytes.ts";

/** Where the value ends that `text` begins with; the bytes begin at each place of a word in turn. */
function endsOf(text: string): number[] {
  return [0, 1, 2, 3].map((offset) => {
    const around = Buffer.concat([Buffer.alloc(offset, '"'), Buffer.from(text), Buffer.from('"x')]);
    return skipValue(toJsonBytes(around.subarray(offset, around.length - 2)), 0);
  });
}

function assertEnds(text: string, end: number): void {
  assert.deepEqual(endsOf(text), [end, end, end, end], text);
}

test("a value ends where JSON says, wherever its bytes lie in memory", () => {
  for (const text of ['""', '"a"', '"ab\\""', '"#\\u00e9 天气"', "0", "-0", "10", "1.50", "1e9", "-2E+3", "0.1e-2"]) {
    assertEnds(text, Buffer.byteLength(text));
  }
  for (const text of [
    "true",
    "false",
    "null",
    "[]",
    "[ ]",
    "{}",
    '{"a":[1,{"b":[]}]}',
    '[ 1 , "]" ]',
    '{ "}" : "{" }',
  ]) {
    assertEnds(text, text.length);
  }
});

test("what JSON.parse refuses has no end", () => {
  for (const text of [
    ...[
      '"',
      '"a',
      '"\\',
      '"\\x"',
      '"\\u12g4"',
      '"\\u123',
      '"\n"',
      '"a\u0000b"',
      '"\u001f"',
      "'a'",
      "tru",
      "True",
      "nul",
      "-",
      "1.",
      ".5",
      "1e",
      "+1",
    ],
    ...[
      "[",
      "[1",
      "[1,",
      "[1,]",
      "[,1]",
      "[1 2]",
      "[}",
      "{",
      '{"a"',
      '{"a":',
      '{"a":1',
      '{"a":1,',
      '{"a":1,}',
      "{1:2}",
      '{"a" 1}',
      '{"a":1]',
      "[1}",
      '{"a"::1}',
      '{"a":01}',
      "[-01]",
      "[\u00a01]",
    ],
  ]) {
    assertEnds(text, notJson);
  }
});

test("a body of a million brackets ends at the depth that is allowed", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assertEnds(nested(maxDepth), 2 * maxDepth);
  assertEnds(nested(maxDepth + 1), notJson);
  assertEnds("[".repeat(1_000_000), notJson);
  assertEnds('{"a":'.repeat(1_000_000), notJson);
});

test("in an event of one line a line's end is no space", () => {
  const bytes = Buffer.from('{"a":\n1}');
  assert.equal(skipValue(toJsonBytes(bytes), 0), bytes.length);
  assert.equal(skipValue(toJsonBytes(bytes, true), 0), notJson);
});

test("any bytes between quotes are a string exactly when JSON.parse says so", () => {
  const seed = 41;
  const { between } = createSeeded(seed);
  const pieces = [
    "#",
    "!",
    '"',
    "\\",
    "\\\\",
    "\\n",
    "a",
    " ",
    "\u001f",
    "\u0000",
    "\u007f",
    "é",
    "天",
    "\\u00e9",
    "\\ud83d",
  ];
  for (let round = 0; round < 20_000; round++) {
    const text = `"${Array.from({ length: between(0, 12) }, () => pieces[between(0, pieces.length - 1)]).join("")}"`;
    const around = Buffer.concat([Buffer.alloc(between(0, 3), '"'), Buffer.from(text)]);
    const bytes = around.subarray(around.length - Buffer.byteLength(text));
    const isWhole = skipString(toJsonBytes(bytes), 0) === bytes.length;
    assert.equal(isWhole, isJson(text), `seed ${seed}, round ${round}: ${text}`);
  }
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
