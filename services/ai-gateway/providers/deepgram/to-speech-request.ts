import type { CallRequest } from "../../call/read-request.ts";
import { refuseField } from "../../call/refuse-field.ts";
import type { Model } from "../../model.ts";
import { readSpeech } from "../sounds/read-speech.ts";
import type { WireProvider } from "../wire.ts";

/** OpenAI's PCM is one of 24 kHz, too; in a WAV it is the same. */
const linear = "encoding=linear16&sample_rate=24000";
const formats = {
  ...{ mp3: "encoding=mp3", opus: "encoding=opus&container=ogg", aac: "encoding=aac", flac: "encoding=flac" },
  ...{ wav: `${linear}&container=wav`, pcm: `${linear}&container=none` },
};
const taken = { formats, leastSpeed: 0.7, mostSpeed: 1.5 };

/** A request for speech as Deepgram has it: everything but the text stands in the query. */
export function toSpeechRequest(
  request: CallRequest,
  { upstreamName }: Model,
  provider?: WireProvider,
): { readonly endpoint: string; readonly body: object } {
  const { text, voice, format, speed } = readSpeech(request, provider, taken);
  const model = encodeURIComponent(withVoice(upstreamName, voice));
  return {
    endpoint: `/v1/speak?model=${model}&${format}${speed === undefined ? "" : `&speed=${speed}`}`,
    body: { text },
  };
}

const voiceName = /^[a-z]+-[a-z]{2}(-[a-z]{2})?$/i;

/**
 * A model there is a family with a voice and its language: `aura-2` with `thalia-en`. A voice may have the family before it. Another family
 * has another price, and a model that names its voice has no other. Throws `invalid_request`.
 */
function withVoice(model: string, voice: string): string {
  const given = voice.startsWith(`${model}-`) ? voice.slice(model.length + 1) : voice;
  if (voice === model || (voiceName.test(voice) && model.endsWith(`-${voice}`))) return model;
  if (!/-[a-z]{2}$/i.test(model) && voiceName.test(given)) return `${model}-${given}`;
  throw refuseField(
    "voice",
    "must be a voice of this model with its language, such as thalia-en",
    "必须是此模型的声音及其语言，例如 thalia-en",
  );
}
