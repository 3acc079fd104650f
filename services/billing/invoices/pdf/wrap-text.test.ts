import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { wrapText } from "./wrap-text.ts";

/** A Chinese character is as wide as two others. */
const measure = (text: string) =>
  Array.from(text).reduce((sum, character) => sum + (/\p{Script=Han}|[，。（）]/u.test(character) ? 2 : 1), 0);

test("lines break behind words and between Chinese characters, never before a closing mark", () => {
  assert.deepEqual(wrapText("one two three", 7, measure), ["one two", "three"]);
  assert.deepEqual(wrapText("上海测试科技", 6, measure), ["上海测", "试科技"]);
  assert.deepEqual(wrapText("上海测，试", 6, measure), ["上海", "测，试"]);
  assert.deepEqual(wrapText("上海（测试）", 6, measure), ["上海", "（测", "试）"]);
  assert.deepEqual(wrapText("provider/model-name", 11, measure), ["provider/", "model-name"]);
  assert.deepEqual(wrapText("", 6, measure), [""]);
});

test("no line of random text is too wide, and no character is lost", () => {
  const { between } = createSeeded(5);
  const alphabet = [..."ab cd-ef 上海测试（），。 "];
  for (let i = 0; i < 500; i++) {
    const text = Array.from({ length: between(0, 60) }, () => alphabet[between(0, alphabet.length - 1)]).join("");
    const width = between(4, 30);
    const lines = wrapText(text, width, measure);
    for (const line of lines) assert.ok(measure(line) <= width, JSON.stringify({ text, width, line }));
    assert.equal(lines.join("").replaceAll(" ", ""), text.replaceAll(" ", ""));
  }
});

test("what is cut off is shown as an ellipsis that still fits", () => {
  const lines = wrapText("aaaa bbbb cccc dddd", 4, measure, 2);
  assert.deepEqual(lines, ["aaaa", "bbb…"]);
});
