import assert from "node:assert/strict";
import { test } from "node:test";
import { findFields, setFields } from "./json-fields.ts";

const names = new Set(["model", "stream", "max_tokens"]);

function textOfField(body: Buffer, name: string): string | undefined {
  const range = findFields(body, names)?.get(name);
  return range && body.toString("utf8", range.valueStart, range.valueEnd);
}

test("a field is found at the top level only, however deep its name stands elsewhere", () => {
  const body = Buffer.from(`{ "a" : {"model":"no","x":["model",{"model":1}]} , "model"\t:\n"yes\\"}" ,"stream":true}`);
  assert.equal(textOfField(body, "model"), `"yes\\"}"`);
  assert.equal(textOfField(body, "stream"), "true");
  assert.equal(textOfField(body, "max_tokens"), undefined);
});

test("a key written with escapes is the same key", () => {
  assert.equal(textOfField(Buffer.from(`{"mod\\u0065l":12}`), "model"), "12");
});

test("a field written twice is ambiguous", () => {
  assert.equal(findFields(Buffer.from(`{"model":1,"b":2,"model":3}`), names), undefined);
});

test("setting fields leaves every other byte as it was", () => {
  const text = `{"seed":12345678901234567890, "model" : "a", "x":1e400,"说":"好"}`;
  const body = Buffer.from(text);
  const fields = findFields(body, names);
  assert.ok(fields);
  const values = new Map([
    ["model", `"b"`],
    ["max_tokens", "5"],
  ]);
  const expected = `{"max_tokens":5,"seed":12345678901234567890, "model" : "b", "x":1e400,"说":"好"}`;
  assert.equal(setFields(body, fields, values).toString(), expected);
});

test("on generated objects the fields found are those that JSON.parse reads", () => {
  let seed = 20261121;
  const next = (n: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % n;
  };
  const value = (depth: number): unknown => {
    const kind = next(depth > 3 ? 5 : 7);
    if (kind === 0) return next(1_000_000) / 7;
    if (kind === 1) return [true, false, null][next(3)];
    if (kind < 5) return `${['a"}', "{[", "\\", "\u2028", "model", "说,:"][next(6)]}${next(100)}`;
    if (kind === 5) return Array.from({ length: next(4) }, () => value(depth + 1));
    return Object.fromEntries(
      Array.from({ length: next(4) }, (_, i) => [["model", "k", "\n"][i] ?? "z", value(depth + 1)]),
    );
  };
  for (let round = 0; round < 5_000; round++) {
    const object = { a: value(0), model: value(0), b: value(0), stream: value(0) };
    const body = Buffer.from(JSON.stringify(object, null, next(3)));
    const found = textOfField(body, "model");
    assert.deepEqual(JSON.parse(found ?? ""), object.model, `seed 20261121, round ${round}: ${body}`);
  }
});

test("a string ends where JSON.parse ends it, however long it is and whatever is escaped in it", () => {
  const pieces = ["a", "\\", '\\"', "\\".repeat(3), '\n"', "x".repeat(70), "\\".repeat(64), "模型"];
  for (const first of pieces)
    for (const second of pieces)
      for (const length of [0, 1, 62, 63, 64, 65, 200]) {
        const text = "y".repeat(length) + first + second;
        const body = Buffer.from(JSON.stringify({ a: text, model: second + text, b: [text] }));
        const { valueStart, valueEnd } = findFields(body, new Set(["model"]))?.get("model") ?? assert.fail("not found");
        assert.equal(JSON.parse(body.toString("utf8", valueStart, valueEnd)), second + text);
      }
});
