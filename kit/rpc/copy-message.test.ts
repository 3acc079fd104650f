import assert from "node:assert/strict";
import { test } from "node:test";
import { copyMessage } from "./copy-message.ts";

test("a copy equals its message and shares nothing with it", () => {
  const labels = JSON.parse('{"__proto__": {"text": "a key like any other"}, "x": {"text": "y"}}');
  const message = { $typeName: "test.Message", id: 7n, data: new Uint8Array([1, 2]), parts: [{ tags: ["a"] }], labels };
  const copy = copyMessage(message);
  assert.deepEqual(copy, message);
  assert.notEqual(copy.data, message.data);
  assert.notEqual(copy.parts[0]?.tags, message.parts[0]?.tags);
  assert.notEqual(copy.labels.x, labels.x);
  assert.deepEqual(Object.keys(copy.labels), ["__proto__", "x"]);
  assert.equal(Object.getPrototypeOf(copy.labels), Object.prototype);
});

test("a field that is not set is not set in the copy, whatever its default", () => {
  const defaults = { text: "", data: new Uint8Array() };
  const copy = copyMessage(Object.assign(Object.create(defaults), { text: "set" }));
  assert.deepEqual(Object.keys(copy), ["text"]);
  assert.equal(copy.data, defaults.data);
});

test("a message in itself is refused", () => {
  const message: { parent?: object } = {};
  message.parent = message;
  assert.throws(() => copyMessage(message), RangeError);
});
