import { fieldOf } from "../../dialects/openai/usage.ts";
import { textOf } from "../read-answer.ts";
import type { HeardWord } from "../sounds/to-segments.ts";
import type { Heard } from "../sounds/write-transcript.ts";

/** What Deepgram has heard; undefined for what is no transcript. `language` is what was asked for. */
export function toHeard(json: unknown, language: string | undefined): Heard | undefined {
  const channels = fieldOf(fieldOf(json, "results"), "channels");
  const channel = Array.isArray(channels) ? channels[0] : undefined;
  const alternatives = fieldOf(channel, "alternatives");
  const best = Array.isArray(alternatives) ? alternatives[0] : undefined;
  const text = fieldOf(best, "transcript");
  if (typeof text !== "string") return undefined;
  const seconds = fieldOf(fieldOf(json, "metadata"), "duration");
  return {
    text,
    language: textOf(channel, "detected_language") || language,
    seconds: typeof seconds === "number" ? seconds : undefined,
    words: toWords(fieldOf(best, "words")),
  };
}

function toWords(list: unknown): readonly HeardWord[] {
  return (Array.isArray(list) ? list : []).flatMap((word) => {
    const [start, end, confidence] = ["start", "end", "confidence"].map((name) => fieldOf(word, name));
    if (typeof start !== "number" || typeof end !== "number") return [];
    const isKnown = typeof confidence === "number" && confidence > 0;
    const text = textOf(word, "punctuated_word") || textOf(word, "word");
    return [{ text, before: " ", start, end, logprob: isKnown ? Math.log(confidence) : undefined }];
  });
}
