import type { CallRequest } from "../../call/read-request.ts";
import { type Fields, isAbsent, readOneOf, readText, unsupported } from "../../dialects/request-fields.ts";
import { refuseUnread } from "../asked-fields.ts";
import type { WireProvider } from "../wire.ts";

const read = ["model", "prompt", "n", "size", "output_format", "response_format"];
/** What its models of images are commonly asked besides. */
const own = ["aspect_ratio", "seed", "negative_prompt", "guidance", "num_inference_steps", "output_quality"];
/** OpenAI's words for what is usual there. */
const left = ["user", "quality", "background", "moderation", "style"];
const usualWords: readonly unknown[] = ["auto", "standard"];

/** Ratios that its models of images know by name. */
const ratios = ["1:1", "16:9", "9:16", "3:2", "2:3", "4:3", "3:4", "5:4", "4:5", "21:9", "9:21"];

/** A request for images as the input of a model. Throws `invalid_request` for a field that has no counterpart and asks for something. */
export function toImageInput({ json, choices, isStream }: CallRequest, provider?: WireProvider): Fields {
  if (isStream) throw unsupported("stream");
  const usual = left.filter((name) => name === "user" || usualWords.includes(json[name]));
  refuseUnread(json, [...read, ...own], usual, provider);
  // Images lie where Replicate keeps them, for an hour.
  if (!isAbsent(json["response_format"])) readOneOf(json["response_format"], "response_format", ["url"]);
  const format = isAbsent(json["output_format"])
    ? undefined
    : readOneOf(json["output_format"], "output_format", ["png", "jpeg", "webp"]);
  const size = isAbsent(json["size"]) || json["size"] === "auto" ? undefined : readText(json["size"], "size");
  return {
    prompt: json["prompt"],
    ...(choices > 1 && { num_outputs: choices }),
    ...(size !== undefined && { aspect_ratio: toRatio(size) }),
    ...(format && { output_format: format === "jpeg" ? "jpg" : format }),
    ...Object.fromEntries(own.flatMap((name) => (isAbsent(json[name]) ? [] : [[name, json[name]]]))),
  };
}

function toRatio(size: string): string {
  const [, width, height] = /^(\d{2,5})x(\d{2,5})$/.exec(size) ?? [];
  const found = ratios.find((ratio) => {
    const [across, down] = ratio.split(":").map(Number);
    return Number(width) * Number(down) === Number(height) * Number(across);
  });
  if (found === undefined) throw unsupported("size");
  return found;
}
