import assert from "node:assert/strict";
import { test } from "node:test";
import { createNewestRead } from "./newest-read.ts";

test("of reads that overlap the one that began last stays, in whatever order they come back", async () => {
  const newest = createNewestRead();
  const applied: string[] = [];
  const reads = Array.from({ length: 3 }, () => Promise.withResolvers<string>());
  const [first, second, third] = reads.map(({ promise }) =>
    newest(
      () => promise,
      (found) => applied.push(found),
    ),
  );
  reads[1]?.resolve("second");
  await second;
  reads[0]?.resolve("first");
  await first;
  assert.deepEqual(applied, ["second"]);
  reads[2]?.resolve("third");
  await third;
  assert.deepEqual(applied, ["second", "third"]);
});

test("a read that fails says so, and holds up no other", async () => {
  const newest = createNewestRead();
  const applied: string[] = [];
  const apply = (found: string) => void applied.push(found);
  await assert.rejects(
    newest(() => Promise.reject(new Error("away")), apply),
    /away/,
  );
  await newest(async () => "found", apply);
  assert.deepEqual(applied, ["found"]);
});
