import type { CallRequest } from "../../call/read-request.ts";
import { readInteger, readObject, readOptional, readText } from "../../dialects/request-fields.ts";
import type { Model } from "../../model.ts";
import { readSpeech } from "../sounds/read-speech.ts";
import type { WireProvider } from "../wire.ts";

/** OpenAI's PCM is one of 24 kHz, too. */
const formats = { mp3: "mp3_44100_128", opus: "opus_48000_128", wav: "wav_24000", pcm: "pcm_24000" };
const taken = { formats, leastSpeed: 0.7, mostSpeed: 1.2, own: ["voice_settings", "language_code", "seed"] };
const maxSeed = 4_294_967_295;

/** A request for speech as ElevenLabs has it: the voice is part of the path. `voice_settings` and `language_code` are its own fields. */
export function toSpeechRequest(
  request: CallRequest,
  { upstreamName }: Model,
  provider?: WireProvider,
): { readonly endpoint: string; readonly body: object } {
  const { text, voice, format, speed } = readSpeech(request, provider, taken);
  const { json } = request;
  const settings = readOptional(json["voice_settings"], "voice_settings", readObject);
  const language = readOptional(json["language_code"], "language_code", readText);
  const seed = readOptional(json["seed"], "seed", (value, path) => readInteger(value, path, 0, maxSeed));
  return {
    endpoint: `/v1/text-to-speech/${voice}?output_format=${format}`,
    body: {
      ...{ text, model_id: upstreamName },
      ...(language !== undefined && { language_code: language }),
      ...(seed !== undefined && { seed }),
      ...((settings || speed !== undefined) && {
        voice_settings: { ...settings, ...(speed !== undefined && { speed }) },
      }),
    },
  };
}
