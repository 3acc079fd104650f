import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { planMigrations, readMigrations } from "./migrations.ts";

function createFolder(t: TestContext, files: Readonly<Record<string, string>>): URL {
  const dir = mkdtempSync(path.join(os.tmpdir(), "lyss-migrations-"));
  t.after(() => rmSync(dir, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(dir, name), text);
  return pathToFileURL(dir);
}

test("migrations are read in order, and other files are left alone", async (t) => {
  const folder = createFolder(t, { "0002_b.sql": "two", "0001_a_1.sql": "one", "README.md": "" });
  const steps = (await readMigrations(folder)).map(({ version, name, sql }) => [version, name, sql]);
  assert.deepEqual(steps, [
    [1, "a_1", "one"],
    [2, "b", "two"],
  ]);
});

test("line ends do not change a checksum, and any other change does", async (t) => {
  const checksumOf = async (text: string) =>
    (await readMigrations(createFolder(t, { "0001_a.sql": text })))[0]?.checksum;
  assert.equal(await checksumOf("a\nb\n"), await checksumOf("a\r\nb\r\n"));
  assert.notEqual(await checksumOf("a\nb\n"), await checksumOf("a\nb"));
});

test("a gap, a number used twice and a bad name are refused by the file's name", async (t) => {
  const refuse = (files: Readonly<Record<string, string>>, reason: RegExp) =>
    assert.rejects(readMigrations(createFolder(t, files)), reason);
  await refuse({ "0001_a.sql": "", "0003_c.sql": "" }, /0003_c\.sql.*0002/);
  await refuse({ "0001_a.sql": "", "0001_b.sql": "" }, /0001_b\.sql.*0002/);
  await refuse({ "0000_a.sql": "" }, /0000_a\.sql.*0001/);
  await refuse({ "1_a.sql": "" }, /1_a\.sql.*NNNN_name/);
  await refuse({ "0001_a.sql": "x".repeat(2 ** 20 + 1) }, /larger/);
});

test("what is left to apply follows what is applied; history is never rewritten", async (t) => {
  const known = await readMigrations(createFolder(t, { "0001_a.sql": "one", "0002_b.sql": "two", "0003_c.sql": "" }));
  const names = (applied: Parameters<typeof planMigrations>[2]) =>
    planMigrations("s", known, applied).map(({ name }) => name);
  assert.deepEqual(names([]), ["a", "b", "c"]);
  assert.deepEqual(names(known.slice(0, 2).toReversed()), ["c"]);
  assert.deepEqual(names(known), []);
  assert.throws(
    () => names([{ version: 1, name: "a", checksum: "other" }]),
    /migration 1 \(a\) of schema s was changed/,
  );
  assert.throws(() => planMigrations("s", known.slice(0, 1), known), /newer than this program.*knows 1/);
});
