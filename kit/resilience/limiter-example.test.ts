import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const kit = new URL("../", import.meta.url);

/** Pages whose examples run as they stand. The one on Redis runs without a Redis, as it promises. */
for (const page of ["limiters", "degradation"]) {
  const text = readFileSync(new URL(`../docs/kit/${page}.md`, kit), "utf8");
  const examples = [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, example = ""]) => example);

  test(`docs/kit/${page}.md has examples`, () => assert.ok(examples.length > 0));

  for (const [index, example] of examples.entries()) {
    test(`example ${index + 1} of docs/kit/${page}.md runs`, async (t) => {
      t.mock.method(console, "log", () => {});
      const folder = mkdtempSync(join(tmpdir(), "lyss-example-"));
      t.after(() => rmSync(folder, { recursive: true }));
      const file = join(folder, "example.mts");
      writeFileSync(file, example.replaceAll('"@lyss/kit/', `"${kit.href}`));
      await import(pathToFileURL(file).href);
    });
  }
}
