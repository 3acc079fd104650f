import type { CallRequest } from "../../call/read-request.ts";
import { refuseField } from "../../call/refuse-field.ts";
import { isAbsent, readOneOf, readOptional, unsupported } from "../../dialects/request-fields.ts";
import type { Form, FormPart } from "../../surfaces/multipart.ts";
import { refuseUnread } from "../asked-fields.ts";
import type { WireProvider } from "../wire.ts";

const read = ["model", "language", "response_format", "temperature", "timestamp_granularities[]", "stream"];
export const transcriptFormats = ["json", "text", "srt", "verbose_json", "vtt"] as const;
export type TranscriptFormat = (typeof transcriptFormats)[number];

export interface AskedTranscription {
  readonly form: Form;
  readonly file: FormPart;
  readonly format: TranscriptFormat;
  /** Undefined where the vendor is to find it out. */
  readonly language: string | undefined;
  readonly temperature: number | undefined;
  readonly hasWords: boolean;
  readonly hasSegments: boolean;
}

/**
 * A request to write down a sound (platform.openai.com/docs/api-reference/audio/createTranscription). Throws `invalid_request` for what vendors
 * of transcripts have no place for: events, and what is to be expected, but where the provider is to be asked without.
 */
export function readTranscription({ json, form }: CallRequest, provider?: WireProvider): AskedTranscription {
  const file = form?.parts.find(({ fileName, start, end }) => fileName !== undefined && end > start);
  if (!form || !file) throw refuseField("file", "must be a file that is not empty", "必须是非空文件");
  // It steers the spelling, and what is said is the same without.
  const left = provider?.unsupportedParameters === "drop" ? ["prompt"] : [];
  refuseUnread(json, read, left, provider);
  if (json["stream"] === true) throw unsupported("stream");
  const asked = json["response_format"];
  const format = isAbsent(asked) ? "json" : readOneOf(asked, "response_format", transcriptFormats);
  const granularities = json["timestamp_granularities[]"] ?? [];
  const wanted = (Array.isArray(granularities) ? granularities : [granularities]).map((one, index) =>
    readOneOf(one, `timestamp_granularities[${index}]`, ["word", "segment"]),
  );
  return {
    ...{ form, file, format },
    language: readOptional(json["language"], "language", readLanguage),
    temperature: readOptional(json["temperature"], "temperature", readTemperature),
    hasWords: wanted.includes("word"),
    hasSegments: wanted.length === 0 || wanted.includes("segment"),
  };
}

function readLanguage(value: unknown, path: string): string {
  if (typeof value === "string" && /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$/.test(value)) return value;
  throw refuseField(path, "must be a code such as en", "必须是语言代码，例如 en");
}

/** A field of a form is text. */
function readTemperature(value: unknown, path: string): number {
  const temperature = typeof value === "string" && /^\d(\.\d{1,9})?$/.test(value) ? Number(value) : Number.NaN;
  if (temperature <= 2) return temperature;
  throw refuseField(path, "must be a number from 0 to 2", "必须是 0 到 2 之间的数字");
}
