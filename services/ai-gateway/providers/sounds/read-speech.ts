import type { CallRequest } from "../../call/read-request.ts";
import { refuseField } from "../../call/refuse-field.ts";
import { isAbsent, readNumber, readOneOf, readOptional, readText, unsupported } from "../../dialects/request-fields.ts";
import { mayDrop, refuseUnread } from "../asked-fields.ts";
import type { WireProvider } from "../wire.ts";

const read = ["model", "input", "voice", "response_format", "stream_format", "speed"];

/** What a vendor of voices takes. */
export interface SpeechTaken {
  /** What OpenAI calls each format that it has, by what the vendor calls it. */
  readonly formats: Readonly<Record<string, string>>;
  readonly leastSpeed: number;
  readonly mostSpeed: number;
  /** The vendor's own fields. */
  readonly own?: readonly string[];
}

export interface AskedSpeech {
  readonly text: string;
  readonly voice: string;
  /** As the vendor calls it. */
  readonly format: string;
  /** Undefined for the usual one. */
  readonly speed: number | undefined;
}

/** A request for speech (platform.openai.com/docs/api-reference/audio/createSpeech). Throws `invalid_request` for what the vendor has not. */
export function readSpeech({ json }: CallRequest, provider: WireProvider | undefined, taken: SpeechTaken): AskedSpeech {
  refuseUnread(json, [...read, ...(taken.own ?? [])], [], provider);
  if (json["stream_format"] === "sse") throw unsupported("stream_format");
  readOptional(json["stream_format"], "stream_format", (value, path) => readOneOf(value, path, ["audio"]));
  const names = Object.keys(taken.formats);
  const format = isAbsent(json["response_format"])
    ? "mp3"
    : readOneOf(json["response_format"], "response_format", names);
  return {
    text: readText(json["input"], "input"),
    voice: readVoice(json["voice"]),
    format: taken.formats[format] ?? "",
    speed: readSpeed(json["speed"], provider, taken),
  };
}

/** A name, or as OpenAI has it of one's own voices, an object with an id. */
function readVoice(voice: unknown): string {
  const name = typeof voice === "object" && voice !== null ? Object(voice).id : voice;
  if (typeof name === "string" && /^[\w-]{1,100}$/.test(name)) return name;
  throw refuseField("voice", "must be the name of a voice there", "必须是该供应商的声音名称");
}

function readSpeed(value: unknown, provider: WireProvider | undefined, { leastSpeed, mostSpeed }: SpeechTaken) {
  const speed = readOptional(value, "speed", readNumber);
  if (speed === undefined || speed === 1) return undefined;
  if (speed >= leastSpeed && speed <= mostSpeed) return speed;
  if (mayDrop("speed", provider)) return undefined;
  throw refuseField(
    "speed",
    `must be from ${leastSpeed} to ${mostSpeed} for this model`,
    `对此模型必须在 ${leastSpeed} 到 ${mostSpeed} 之间`,
  );
}
