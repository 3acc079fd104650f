import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const page = new URL("../../docs/kit/resilience.md", import.meta.url);
const kit = new URL("../", import.meta.url).href;

test("the example of docs/kit/resilience.md runs", async () => {
  const [, example] = /```ts\n(.*?)```/s.exec(readFileSync(page, "utf8")) ?? [];
  assert.ok(example);
  const folder = mkdtempSync(join(tmpdir(), "lyss-example-"));
  try {
    const file = join(folder, "example.mts");
    writeFileSync(file, example.replaceAll('"@lyss/kit/', `"${kit}`));
    await import(pathToFileURL(file).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
