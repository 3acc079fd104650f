import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

const page = new URL("../../docs/scenarios.md", import.meta.url);
const rows = readFileSync(page, "utf8")
  .split("\n")
  .flatMap((line) => {
    const [, id] = /^\| ([A-Z]\d+) \|/.exec(line) ?? [];
    return id === undefined ? [] : [{ id, links: [...line.matchAll(/\]\(([^)]+)\)/g)].map(([, link = ""]) => link) }];
  });

for (const { id, links } of rows) {
  test(`docs/scenarios.md: ${id}'s files have a test of that id, or are there`, () => {
    const tests = links.filter((link) => /(\.test|-contract)\.ts$/.test(link));
    // What is about speed is shown by a bench, whose results are kept.
    const benches = links.filter((link) => link.startsWith("../bench/") && link.endsWith(".ts"));
    assert.ok(tests.length + benches.length > 0, "no test is named");
    for (const link of links) assert.ok(existsSync(new URL(link, page)), `${link} is not there`);
    for (const link of tests) {
      const text = readFileSync(new URL(link, page), "utf8");
      const names = [...text.matchAll(/\btest\(\s*(["'`])(.*?)\1/g)].map(([, , name = ""]) => name);
      const isNamed = names.some((name) => new RegExp(`\\b${id}\\b`).test(name));
      assert.ok(isNamed, `no test in ${link} has ${id} in its name`);
    }
  });
}

test("docs/scenarios.md has each row once", () => {
  const ids = rows.map(({ id }) => id);
  assert.ok(ids.length > 0);
  assert.deepEqual(ids, [...new Set(ids)]);
});
