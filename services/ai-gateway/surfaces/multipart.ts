import { refuseField } from "../call/refuse-field.ts";

/** A part of a form, and where its bytes stand in the body. */
export interface FormPart {
  readonly name: string;
  /** Undefined for a part that is no file. */
  readonly fileName: string | undefined;
  readonly start: number;
  readonly end: number;
}

/** A body of `multipart/form-data` (RFC 7578), which stays as it came. */
export interface Form {
  readonly contentType: string;
  readonly bytes: Buffer;
  readonly parts: readonly FormPart[];
}

const maxParts = 256;
export const maxPartHeadBytes = 4_096;
const boundaryOf = /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i;
const parameter = /;\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/g;

/** The parts of a form in their order, wherever in it a field stands. Throws `invalid_request`. */
export function readForm(bytes: Buffer, contentType: string): Form {
  const parts: FormPart[] = [];
  const mark = readMark(contentType);
  const isAtStart = bytes.subarray(0, mark.length).equals(Buffer.from(mark));
  let at = isAtStart ? mark.length : afterOf(bytes, `\r\n${mark}`, 0);
  while (!isClosing(bytes, at)) {
    const headStart = afterOf(bytes, "\r\n", at);
    // Padding may stand behind a boundary, and nothing else.
    if (!/^[ \t]*$/.test(bytes.toString("latin1", at, headStart - 2))) throw brokenForm();
    const start = afterOf(bytes, "\r\n\r\n", headStart);
    if (start - headStart > maxPartHeadBytes || parts.length === maxParts) throw brokenForm();
    at = afterOf(bytes, `\r\n${mark}`, start);
    const names = readNames(bytes.toString("utf8", headStart, start));
    parts.push({ ...names, start, end: at - mark.length - 2 });
  }
  return { contentType, bytes, parts };
}

/** What stands before each part of a form of that type. Throws `invalid_request`. */
export function readMark(contentType: string): string {
  const found = boundaryOf.exec(contentType);
  const boundary = found?.[1] ?? found?.[2];
  if (boundary !== undefined) return `--${boundary}`;
  throw refuseForm("must be multipart/form-data with a boundary", "必须是带 boundary 的 multipart/form-data");
}

/** The same form with another text in its part `name`; every other byte stays. */
export function withField({ bytes, parts }: Form, name: string, text: string): Buffer {
  const part = parts.find((one) => one.name === name);
  if (!part) return bytes;
  return Buffer.concat([bytes.subarray(0, part.start), Buffer.from(text), bytes.subarray(part.end)]);
}

/** A new form of other fields, each of one line, around a file of this one. It has the same boundary, which does not stand in the file. */
export function withFields({ contentType, bytes }: Form, fields: Readonly<Record<string, string>>, file: FormPart) {
  const mark = readMark(contentType);
  const head = (name: string, more = "") => `${mark}\r\ncontent-disposition: form-data; name="${name}"${more}\r\n`;
  const before = Object.entries(fields).map(([name, text]) => `${head(name)}\r\n${text}\r\n`);
  const [extension = ""] = /\.\w{1,8}$/.exec(file.fileName ?? "") ?? [];
  const named = head("file", `; filename="sound${extension}"`);
  return Buffer.concat([
    Buffer.from(`${before.join("")}${named}content-type: application/octet-stream\r\n\r\n`),
    bytes.subarray(file.start, file.end),
    Buffer.from(`\r\n${mark}--\r\n`),
  ]);
}

function isClosing(bytes: Buffer, at: number): boolean {
  return bytes[at] === 0x2d && bytes[at + 1] === 0x2d;
}

function afterOf(bytes: Buffer, mark: string, from: number): number {
  const at = bytes.indexOf(mark, from, "latin1");
  if (at === -1) throw brokenForm();
  return at + mark.length;
}

/** Of the head of a part. Throws `invalid_request`. */
export function readNames(head: string): Pick<FormPart, "name" | "fileName"> {
  const line = /^content-disposition:\s*form-data\s*(;[^\r\n]*)\r?$/im.exec(head)?.[1];
  const fields = new Map<string, string>();
  for (const [, name = "", quoted, plain = ""] of line?.matchAll(parameter) ?? []) {
    // Of a name that stands twice another reader might take the other one.
    if (fields.has(name.toLowerCase())) throw brokenForm();
    fields.set(name.toLowerCase(), quoted ?? plain);
  }
  const name = fields.get("name");
  if (name === undefined || name.length > 200) throw brokenForm();
  return { name, fileName: fields.get("filename") ?? fields.get("filename*") };
}

export function brokenForm() {
  return refuseForm(
    "is no whole form: a part or the last boundary is missing",
    "表单不完整：缺少某个部分或结尾的 boundary",
  );
}

function refuseForm(reason: string, reason_zh_CN: string) {
  return refuseField("body", reason, reason_zh_CN);
}
