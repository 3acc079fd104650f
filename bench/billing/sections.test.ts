import assert from "node:assert/strict";
import { test } from "node:test";
import { withSections } from "./sections.ts";

test("a section takes the place of the one with its title, and the others stay as they were", () => {
  const first = withSections("", [
    { title: "A", text: "one\n\n| x |\n" },
    { title: "B", text: "two" },
  ]);
  const next = withSections(first, [
    { title: "B", text: "three" },
    { title: "C", text: "four" },
  ]);
  assert.match(first, /^# Money\n\n[^#]+\n\n## A\none\n\n\| x \|\n\n## B\ntwo\n$/);
  assert.equal(next, first.replace("two\n", "three\n\n## C\nfour\n"));
  assert.equal(withSections(next, []), next);
});
