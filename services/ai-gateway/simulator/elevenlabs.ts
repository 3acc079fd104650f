import { z } from "zod";
import { lengthOf } from "../surfaces/sound-length.ts";
import type { Call } from "./call.ts";
import { sendJson } from "./delivery.ts";
import { getModelOf } from "./endpoints.ts";
import { begin, piecesOf, readMediaForm, sendSound, transcriptOf } from "./media.ts";
import { parseJsonObject } from "./requests.ts";
import { createSound, soundTypes, spokenMs } from "./sound.ts";
import { countSimulatedTokens } from "./tokenizer.ts";
import { badRequest, WireError } from "./wire-error.ts";

const spoken = z.looseObject({
  text: z.string().min(1).max(40_000),
  model_id: z.string(),
  voice_settings: z.looseObject({ speed: z.number().min(0.7).max(1.2).optional() }).optional(),
});

/** `POST /v1/text-to-speech/{voice}` (elevenlabs.io/docs/api-reference/text-to-speech/convert). */
export function serveTextToSpeech(voice: string, query: string): (call: Call) => Promise<void> {
  return async (call) => {
    const parsed = spoken.safeParse(parseJsonObject(call.body));
    if (!parsed.success) throw badRequest(null, z.prettifyError(parsed.error));
    const { text, model_id } = parsed.data;
    if (voice === "unknown") throw new WireError(404, "There is no such voice.", { code: "voice_not_found" });
    const model = getModelOf({ model: model_id }, "speech").name;
    const [format = ""] = (new URLSearchParams(query).get("output_format") ?? "mp3_44100_128").split("_");
    const type = Object.hasOwn(soundTypes, format) ? soundTypes[format] : undefined;
    if (!type) throw badRequest("output_format", `Simulated speech has these formats: ${Object.keys(soundTypes)}.`);
    const [behaviour, isFine] = await begin(call, model, text, {
      promptTokens: countSimulatedTokens(text),
      isStream: false,
    });
    if (!isFine) return;
    const { res } = call.open(behaviour);
    if (behaviour.usage !== "none") res.setHeader("character-cost", behaviour.usage === "zero" ? 0 : [...text].length);
    await sendSound(call, behaviour, piecesOf(createSound(format, spokenMs(text))), type);
  };
}

/** `POST /v1/speech-to-text` (elevenlabs.io/docs/api-reference/speech-to-text/convert). */
export async function serveSpeechToText(call: Call): Promise<void> {
  const { fields, files } = readMediaForm(call);
  const [sound] = files;
  if (!sound) throw badRequest("file", "Missing required parameter: 'file'.");
  const model = getModelOf({ model: fields["model_id"] }, "transcription").name;
  const { likely: seconds } = lengthOf(sound);
  const text = transcriptOf(seconds);
  const [behaviour, isFine] = await begin(call, model, "", { promptTokens: 0, isStream: false });
  if (!isFine) return;
  const pieces = text.split(/( )/);
  const step = seconds / pieces.length;
  await sendJson(call.open(behaviour), 200, {
    ...{
      language_code: fields["language_code"] ?? "eng",
      language_probability: 1,
      text,
      transcription_id: call.stamp.id,
    },
    words: pieces.map((piece, index) => ({
      ...{ text: piece, type: piece === " " ? "spacing" : "word", logprob: 0, speaker_id: null },
      ...{ start: index * step, end: (index + 1) * step },
    })),
    ...(behaviour.usage !== "none" && { audio_duration_secs: seconds }),
  });
}
