import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { listFailureTypes } from "@lyss/kit/errors/failure.ts";

const folder = new URL("./", import.meta.url);
const tables = readdirSync(folder).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
await Promise.all(tables.map((name) => import(new URL(name, folder).href)));
const types = listFailureTypes();

function factsOf(text: string): string[] {
  return [...new Set([...text.matchAll(/\{\w+\}/g)].map(([fact]) => fact))].sort();
}

test("each failure says the same facts in English and in Chinese", () => {
  assert.ok(types.length > tables.length);
  for (const { code, text } of types) {
    assert.deepEqual(factsOf(text.zh_CN), factsOf(text.en_US), code);
    const isSentence = /[a-z]/i.test(text.en_US.replace(/\{\w+\}/g, ""));
    if (isSentence) assert.match(text.zh_CN, /\p{Script=Han}/u, code);
    assert.doesNotMatch(text.en_US, /\p{Script=Han}/u, code);
  }
});

test("a public code names one failure", () => {
  const codes = types.map(({ publicCode }) => publicCode);
  assert.deepEqual(codes, [...new Set(codes)]);
  for (const code of codes) assert.match(code, /^[A-Z]+_\d{3}$/);
});
