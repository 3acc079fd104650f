import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findStale, type GeneratedFiles, writeGenerated } from "./generated.ts";

const root = mkdtempSync(join(tmpdir(), "lyss-generated-"));
after(() => rmSync(root, { recursive: true }));

const generated: GeneratedFiles = {
  texts: new Map([
    ["gen/a/one.js", "one"],
    ["docs/page.md", "page"],
  ]),
  folders: ["gen"],
};
const findPaths = () => findStale(root, generated).map(({ path }) => path);

test("what is missing, changed or left over is stale until it is written, and only that is written", () => {
  assert.deepEqual(findPaths(), ["gen/a/one.js", "docs/page.md"]);
  assert.deepEqual(writeGenerated(root, generated), ["gen/a/one.js", "docs/page.md"]);
  assert.deepEqual(findPaths(), []);

  writeFileSync(join(root, "gen/a/one.js"), "edited by hand");
  writeFileSync(join(root, "gen/a/two.js"), "its source is gone");
  writeFileSync(join(root, "docs/other.md"), "a person wrote this");
  assert.deepEqual(findPaths(), ["gen/a/one.js", "gen/a/two.js"]);
  assert.deepEqual(writeGenerated(root, generated), ["gen/a/one.js", "gen/a/two.js"]);
  assert.equal(readFileSync(join(root, "gen/a/one.js"), "utf8"), "one");
  assert.equal(existsSync(join(root, "gen/a/two.js")), false);
  assert.equal(existsSync(join(root, "docs/other.md")), true);
  assert.deepEqual(writeGenerated(root, generated), []);
});
