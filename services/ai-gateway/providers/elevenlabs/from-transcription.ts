import { fieldOf } from "../../dialects/openai/usage.ts";
import { textOf } from "../read-answer.ts";
import type { HeardWord } from "../sounds/to-segments.ts";
import type { Heard } from "../sounds/write-transcript.ts";

/** What ElevenLabs has heard; undefined for what is no transcript. */
export function toHeard(json: unknown): Heard | undefined {
  const text = fieldOf(json, "text");
  if (typeof text !== "string") return undefined;
  const seconds = fieldOf(json, "audio_duration_secs");
  return {
    text,
    language: textOf(json, "language_code") || undefined,
    seconds: typeof seconds === "number" ? seconds : undefined,
    words: toWords(fieldOf(json, "words")),
  };
}

/** What stands between words is a piece of its own there (`spacing`), as are sounds that are none. */
function toWords(pieces: unknown): readonly HeardWord[] {
  const words: HeardWord[] = [];
  let before = "";
  for (const piece of Array.isArray(pieces) ? pieces : []) {
    const [start, end, logprob] = ["start", "end", "logprob"].map((name) => fieldOf(piece, name));
    if (fieldOf(piece, "type") === "spacing") before += textOf(piece, "text");
    else if (typeof start === "number" && typeof end === "number") {
      const known = typeof logprob === "number" ? logprob : undefined;
      words.push({ text: textOf(piece, "text"), before, start, end, logprob: known });
      before = "";
    }
  }
  return words;
}
