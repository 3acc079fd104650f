import { createHash } from "node:crypto";
import { type CallRequest, readRequest } from "../call/read-request.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AskedCall } from "../dialects/dialect.ts";
import { passThrough } from "../dialects/openai/pass-through.ts";
import { type Form, type FormPart, readForm } from "./multipart.ts";
import { lengthOf } from "./sound-length.ts";
import { isSpoken, type MediaSurface } from "./surface.ts";
import { heardUnitsOf, imageUnitsOf } from "./units.ts";

/** A call whose body is a form with files, which goes upstream as it came. Throws `invalid_request`. */
export function askWithForm(surface: MediaSurface, body: Buffer, contentType: string, isKeyed: boolean): AskedCall {
  const form = readForm(body, contentType);
  const request = readFormRequest(surface, form);
  // A client that repeats a form draws another boundary: what makes it the same are its fields and files.
  const sameness = isKeyed
    ? Buffer.concat([request.body, ...filesOf(form).map((file) => digestOf(form, file))])
    : request.body;
  return {
    ...{ model: request.model, asked: { surface, body: sameness } },
    readFor: () => ({
      request,
      createWriter: ({ upstreamModel }) => passThrough(request.model, upstreamModel, false),
    }),
  };
}

function digestOf({ bytes }: Form, { name, start, end }: FormPart): Buffer {
  return createHash("sha256").update(name).update(bytes.subarray(start, end)).digest();
}

function filesOf({ parts }: Form): readonly FormPart[] {
  return parts.filter(({ fileName }) => fileName !== undefined);
}

function readFormRequest(surface: MediaSurface, form: Form): CallRequest {
  const files = filesOf(form).filter(({ start, end }) => end > start);
  const fileField = isSpoken(surface) ? "file" : "image";
  const content = files.filter(({ name }) => name === fileField || name === `${fileField}[]`);
  const [first] = content;
  if (!first || (isSpoken(surface) && content.length > 1)) {
    throw refuseField(fileField, "must be a file that is not empty", "必须是非空文件");
  }
  const request = readRequest(surface, Buffer.from(JSON.stringify(fieldsOf(form))));
  const units = isSpoken(surface)
    ? heardUnitsOf(lengthOf(form.bytes.subarray(first.start, first.end)))
    : imageUnitsOf(request.choices, content.length);
  return { ...request, units, form };
}

const maxFieldBytes = 1_048_576;
/** Fields that a request in JSON has as something else than text. */
const wholeNumber = /^\d{1,9}$/;

function fieldsOf({ bytes, parts }: Form): Readonly<Record<string, unknown>> {
  const fields = new Map<string, unknown>();
  for (const { name, fileName, start, end } of parts) {
    if (fileName !== undefined) continue;
    if (end - start > maxFieldBytes) {
      throw refuseField(name.slice(0, 64), `must be at most ${maxFieldBytes} bytes`, `不能超过 ${maxFieldBytes} 字节`);
    }
    const text = bytes.toString("utf8", start, end);
    if (name.endsWith("[]")) {
      const before = fields.get(name);
      fields.set(name, [...(Array.isArray(before) ? before : []), text]);
      continue;
    }
    // Of a field that stands twice another reader might take the other one.
    if (fields.has(name)) throw refuseField(name.slice(0, 64), "may stand only once", "只能出现一次");
    fields.set(name, toValue(name, text));
  }
  return Object.fromEntries(fields);
}

function toValue(name: string, text: string): unknown {
  if (name === "n" && wholeNumber.test(text)) return Number(text);
  if (name === "stream" && (text === "true" || text === "false")) return text === "true";
  return text;
}
