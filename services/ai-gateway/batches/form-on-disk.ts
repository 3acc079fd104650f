import { brokenForm, type FormPart, maxPartHeadBytes, readMark, readNames } from "../surfaces/multipart.ts";
import type { DiskFile } from "./disk-file.ts";

const maxParts = 16;
const windowBytes = 1_048_576;
const lineEnd = Buffer.from("\r\n");
const headEnd = Buffer.from("\r\n\r\n");

/** The parts of a form (RFC 7578) that lies on disk, as `readForm` finds them in memory. Throws `invalid_request`. */
export async function findParts(file: DiskFile, contentType: string): Promise<readonly FormPart[]> {
  const mark = Buffer.from(readMark(contentType));
  const between = Buffer.concat([lineEnd, mark]);
  const window = Buffer.allocUnsafe(Math.max(windowBytes, 2 * between.length));

  async function afterOf(sought: Buffer, from: number): Promise<number> {
    for (let at = from; at < file.size; at += window.length - (sought.length - 1)) {
      const read = await file.read(window, at);
      const found = window.subarray(0, read).indexOf(sought);
      if (found !== -1) return at + found + sought.length;
    }
    throw brokenForm();
  }

  async function textOf(start: number, end: number): Promise<string> {
    const bytes = Buffer.alloc(Math.min(end - start, maxPartHeadBytes));
    const read = await file.read(bytes, start);
    return bytes.toString("utf8", 0, read);
  }

  const parts: FormPart[] = [];
  const isAtStart = (await textOf(0, mark.length)) === mark.toString("utf8");
  let at = isAtStart ? mark.length : await afterOf(between, 0);
  while ((await textOf(at, at + 2)) !== "--") {
    const headStart = await afterOf(lineEnd, at);
    if (headStart - at > maxPartHeadBytes || !/^[ \t]*\r\n$/.test(await textOf(at, headStart))) throw brokenForm();
    const start = await afterOf(headEnd, headStart);
    if (start - headStart > maxPartHeadBytes || parts.length === maxParts) throw brokenForm();
    at = await afterOf(between, start);
    parts.push({ ...readNames(await textOf(headStart, start)), start, end: at - between.length });
  }
  return parts;
}

/** What a field holds that is no file; `invalid_request` for one that is too long. */
export async function readPart(file: DiskFile, { start, end }: FormPart): Promise<string> {
  if (end - start > maxPartHeadBytes) throw brokenForm();
  const bytes = Buffer.alloc(end - start);
  await file.read(bytes, start);
  return bytes.toString("utf8");
}
