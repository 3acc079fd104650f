import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createTempFolder } from "@lyss/kit/testing/temp-folder.ts";
import { readForm } from "../surfaces/multipart.ts";
import { cutLines, LineTooLong } from "./cut-lines.ts";
import { openDiskFile } from "./disk-file.ts";
import { findParts, readPart } from "./form-on-disk.ts";

const folder = createTempFolder({ after });
const random = createRandom(systemClock);

async function* inPieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function linesOf(text: string, size: number, maxLineBytes = 100) {
  const lines = await Array.fromAsync(cutLines(inPieces(Buffer.from(text), size), maxLineBytes));
  return lines.map(({ number, bytes }) => [number, bytes.toString("utf8")]);
}

test("lines are the same however their bytes come", async () => {
  const text = '\ufeff{"a":"世界"}\r\n\n  {"b":1}\n\t\n{"c":2}';
  for (const size of [1, 2, 3, 7, 1_000]) {
    assert.deepEqual(await linesOf(text, size), [
      [1, '{"a":"世界"}'],
      [3, '{"b":1}'],
      [5, '{"c":2}'],
    ]);
  }
  assert.deepEqual(await linesOf("", 1), []);
  for (const size of [1, 1_000]) {
    await assert.rejects(linesOf(`a\n${"b".repeat(101)}`, size), (err) => err instanceof LineTooLong && err.line === 2);
  }
});

test("a form on disk has the parts that it has in memory, wherever they meet a window's border", async () => {
  const head = (name: string, more = "") => `--xyz\r\ncontent-disposition: form-data; name="${name}"${more}\r\n\r\n`;
  for (const length of [0, 12, ...[0, 1, 2, 3, 4].map((n) => 1_048_500 - 6 * n), 2_500_002]) {
    const text = `${head("file", '; filename="a.jsonl"')}${"\r\n--xy".repeat(length / 6)}\r\n${head("purpose")}batch\r\n--xyz--\r\n`;
    const bytes = Buffer.from(text);
    const file = await openDiskFile(folder, random);
    try {
      for await (const piece of inPieces(bytes, 65_536)) await file.append(piece);
      const contentType = "multipart/form-data; boundary=xyz";
      const parts = await findParts(file, contentType);
      assert.deepEqual(parts, readForm(bytes, contentType).parts);
      assert.equal(await readPart(file, parts[1] ?? assert.fail("no second part")), "batch");
      await assert.rejects(findParts(file, "multipart/form-data; boundary=abc"));
    } finally {
      await file.close();
    }
  }
});
