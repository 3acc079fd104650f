import { parseBody } from "../call/parse-body.ts";
import { refuseField } from "../call/refuse-field.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import { readDataUrl } from "../providers/data-url.ts";
import { readForm } from "../surfaces/multipart.ts";

/** What is asked of a video. */
export interface AskedVideo {
  readonly model: string;
  readonly prompt: string;
  readonly seconds: number;
  /** Such as `720x1280`. */
  readonly size: string;
  readonly picture: Picture | undefined;
}

interface Picture {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** What is meant where a request does not say (platform.openai.com/docs/api-reference/videos/create). */
const usual = { seconds: 4, size: "720x1280" };
const maxSeconds = 600;
const maxPromptLength = 32_000;
const names: ReadonlySet<string> = new Set(["model", "prompt", "seconds", "size", "input_reference"]);

type Fields = Readonly<Record<string, unknown>>;

/** Of a body that is JSON or a form. Throws `invalid_request`, which names the field. */
export function readAskedVideo(body: Buffer, contentType: string): AskedVideo {
  const fields = /^multipart\//i.test(contentType) ? fieldsOf(body, contentType) : parseBody(body);
  for (const name of Object.keys(fields)) {
    if (!names.has(name)) throw refuseField(name.slice(0, 64), "is no field of a video", "不是视频请求的字段");
  }
  const { model, prompt } = fields;
  if (typeof model !== "string" || model === "" || model.length > 200) {
    throw refuseField("model", "must be the name of a model", "必须是模型名称");
  }
  if (typeof prompt !== "string" || prompt.trim() === "" || prompt.length > maxPromptLength) {
    const most = maxPromptLength;
    throw refuseField("prompt", `must be a text of 1 to ${most} characters`, `必须是 1 到 ${most} 个字符的文本`);
  }
  return { model, prompt, seconds: readSeconds(fields), size: readSize(fields), picture: readPicture(fields) };
}

function fieldsOf(body: Buffer, contentType: string): Fields {
  const { bytes, parts } = readForm(body, contentType);
  const fields = new Map<string, unknown>();
  for (const { name, fileName, start, end } of parts) {
    const flat = name === "input_reference[image_url]" && fileName === undefined;
    const at = flat ? "input_reference" : name;
    if (fields.has(at)) throw refuseField(at.slice(0, 64), "may stand only once", "只能出现一次");
    const content = bytes.subarray(start, end);
    if (fileName !== undefined && name === "input_reference") fields.set(at, content);
    else fields.set(at, flat ? { image_url: content.toString("utf8") } : content.toString("utf8"));
  }
  return Object.fromEntries(fields);
}

function readSeconds({ seconds = usual.seconds }: Fields): number {
  const read = /^[1-9]\d{0,2}$/.test(String(seconds)) ? Number(seconds) : 0;
  if (read >= 1 && read <= maxSeconds) return read;
  throw refuseField("seconds", `must be 1 to ${maxSeconds}, such as "4"`, `必须是 1 到 ${maxSeconds}，例如 "4"`);
}

function readSize({ size = usual.size }: Fields): string {
  if (typeof size === "string" && /^[1-9]\d{1,4}x[1-9]\d{1,4}$/.test(size)) return size;
  throw refuseField("size", 'must be such as "720x1280"', '必须形如 "720x1280"');
}

function readPicture({ input_reference: given }: Fields): Picture | undefined {
  if (given === undefined || given === null) return undefined;
  const url = fieldOf(given, "image_url");
  const read = typeof url === "string" ? readDataUrl(url) : undefined;
  const bytes = Buffer.isBuffer(given) ? given : read && Buffer.from(read.data, "base64");
  const mediaType = bytes && mediaTypeOf(bytes);
  if (bytes && mediaType) return { mediaType, bytes };
  throw refuseField(
    "input_reference",
    "must be a JPEG, PNG or WebP image: a file of a form, or { image_url } with a data: URL in base64",
    "必须是 JPEG、PNG 或 WebP 图片：表单文件，或带 base64 data: URL 的 { image_url }",
  );
}

/** By its first bytes, whatever it is said to be. */
function mediaTypeOf(bytes: Buffer): string | undefined {
  const head = bytes.toString("latin1", 0, 12);
  if (head.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  return head.startsWith("RIFF") && head.endsWith("WEBP") ? "image/webp" : undefined;
}
