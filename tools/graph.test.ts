import assert from "node:assert/strict";
import { test } from "node:test";
import { findCycles } from "./graph.ts";

const graph = (arrows: Readonly<Record<string, readonly string[]>>) => new Map(Object.entries(arrows));

test("a graph without a way back has no cycles, even where two ways meet", () => {
  assert.deepEqual(findCycles(graph({ a: ["b", "c"], b: ["d"], c: ["d"], d: [] })), []);
});

test("a cycle is told in order, and once", () => {
  assert.deepEqual(findCycles(graph({ a: ["b"], b: ["c"], c: ["b"] })), [["b", "c", "b"]]);
  assert.deepEqual(findCycles(graph({ a: ["a"] })), [["a", "a"]]);
});
