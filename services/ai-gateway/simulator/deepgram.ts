import { createHash } from "node:crypto";
import { z } from "zod";
import { lengthOf } from "../surfaces/sound-length.ts";
import type { Call } from "./call.ts";
import { sendJson } from "./delivery.ts";
import { getModelOf } from "./endpoints.ts";
import { begin, piecesOf, sendSound, transcriptOf } from "./media.ts";
import { parseJsonObject } from "./requests.ts";
import { createSound, soundTypes, spokenMs } from "./sound.ts";
import { countSimulatedTokens } from "./tokenizer.ts";
import { badRequest } from "./wire-error.ts";

const spoken = z.strictObject({ text: z.string().min(1).max(2_000) });
/** Of the model that hears. */
const modelId = "00000000-0000-4000-8000-000000000001";
const modelInfo = { name: "simulated-transcription", version: "2026-01-01.1", arch: "simulated" };
/** A model there has its voice and its language behind it. */
const voiced = /^(.+)-[a-z]+-[a-z]{2}$/;

/** `POST /v1/speak` (developers.deepgram.com/reference/text-to-speech/speak-request). */
export function serveSpeak(query: string): (call: Call) => Promise<void> {
  return async (call) => {
    const asked = new URLSearchParams(query);
    const parsed = spoken.safeParse(parseJsonObject(call.body));
    if (!parsed.success) throw badRequest(null, z.prettifyError(parsed.error));
    const { text } = parsed.data;
    const name = asked.get("model") ?? "";
    const model = getModelOf({ model: voiced.exec(name)?.[1] }, "speech").name;
    const encoding = asked.get("encoding") ?? "mp3";
    const linear = asked.get("container") === "none" ? "pcm" : "wav";
    const format = encoding === "linear16" ? linear : encoding;
    const type = Object.hasOwn(soundTypes, format) ? soundTypes[format] : undefined;
    if (!type) throw badRequest("encoding", `Simulated speech has these formats: ${Object.keys(soundTypes)}.`);
    const [behaviour, isFine] = await begin(call, model, text, {
      promptTokens: countSimulatedTokens(text),
      isStream: false,
    });
    if (!isFine) return;
    const { res } = call.open(behaviour);
    res.setHeader("dg-model-name", name);
    if (behaviour.usage !== "none") res.setHeader("dg-char-count", behaviour.usage === "zero" ? 0 : [...text].length);
    await sendSound(call, behaviour, piecesOf(createSound(format, spokenMs(text))), type);
  };
}

/** `POST /v1/listen` (developers.deepgram.com/reference/speech-to-text/listen-pre-recorded). */
export function serveListen(query: string): (call: Call) => Promise<void> {
  return async (call) => {
    const asked = new URLSearchParams(query);
    const model = getModelOf({ model: asked.get("model") }, "transcription").name;
    if (call.body.length === 0) throw badRequest(null, "There is no sound.");
    const { likely: seconds } = lengthOf(call.body);
    const transcript = transcriptOf(seconds);
    const [behaviour, isFine] = await begin(call, model, "", { promptTokens: 0, isStream: false });
    if (!isFine) return;
    const pieces = transcript.split(" ");
    const step = seconds / pieces.length;
    const words = pieces.map((piece, index) => ({
      ...{ word: piece.toLowerCase().replace(/\W/g, ""), punctuated_word: piece, confidence: 1 },
      ...{ start: index * step, end: (index + 1) * step },
    }));
    await sendJson(call.open(behaviour), 200, {
      metadata: {
        ...{ transaction_key: "deprecated", request_id: call.stamp.id, channels: 1, models: [modelId] },
        ...{ sha256: createHash("sha256").update(call.body).digest("hex"), model_info: { [modelId]: modelInfo } },
        created: new Date(call.stamp.created * 1_000).toISOString(),
        ...(behaviour.usage !== "none" && { duration: seconds }),
      },
      results: {
        channels: [
          {
            alternatives: [{ transcript, confidence: 1, words }],
            ...(asked.get("detect_language") === "true" && { detected_language: "en", language_confidence: 1 }),
          },
        ],
      },
    });
  };
}
