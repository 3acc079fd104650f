import { deflateSync } from "node:zlib";
import type { WireAnswer } from "../wire.ts";
import type { AskedTranscription } from "./read-transcription.ts";
import { type HeardSegment, type HeardWord, toSegments } from "./to-segments.ts";

/** What a vendor has heard. */
export interface Heard {
  readonly text: string;
  /** A code such as `en` or `eng`; undefined where the vendor does not say. */
  readonly language: string | undefined;
  /** Of the whole sound; undefined where the vendor does not say. */
  readonly seconds: number | undefined;
  readonly words: readonly HeardWord[];
}

const plainText = "text/plain; charset=utf-8";

/** A transcript in the form that was asked for, as OpenAI writes each, with the seconds that the vendor counts. */
export function writeTranscript(
  heard: Heard,
  asked: Pick<AskedTranscription, "format" | "hasSegments" | "hasWords">,
): WireAnswer {
  const { text, seconds } = heard;
  // A second that has begun counts.
  const usage = seconds === undefined ? {} : { usage: { type: "duration", seconds: Math.ceil(seconds) } };
  const json = { text, ...usage };
  const asText = (written: string): WireAnswer => ({ body: Buffer.from(written), json, contentType: plainText });
  switch (asked.format) {
    case "json":
      return { body: Buffer.from(JSON.stringify(json)), json };
    case "verbose_json":
      return { body: Buffer.from(JSON.stringify({ ...toVerbose(heard, asked), ...usage })), json };
    case "text":
      return asText(`${text}\n`);
    case "srt":
      return asText(segmentsOf(heard).map(toSrtCue).join(""));
    case "vtt":
      return asText(`WEBVTT\n\n${segmentsOf(heard).map(toVttCue).join("")}`);
  }
}

function toVerbose(heard: Heard, { hasSegments, hasWords }: Pick<AskedTranscription, "hasSegments" | "hasWords">) {
  const { text, words } = heard;
  return {
    task: "transcribe",
    language: nameOf(heard.language),
    duration: endOf(heard),
    text,
    ...(hasWords && { words: words.map((word) => ({ word: word.text, start: word.start, end: word.end })) }),
    ...(hasSegments && { segments: segmentsOf(heard).map(toSegmentObject) }),
  };
}

/** Whisper's figures, as far as there are any: how sure of the words the vendor is, and how much of the text says the same again. */
function toSegmentObject({ text, start, end, logprob = 0 }: HeardSegment, id: number): object {
  const bytes = Buffer.from(text);
  return {
    ...{ id, seek: 0, start, end, text, tokens: [], temperature: 0, avg_logprob: logprob },
    ...{ compression_ratio: bytes.length / deflateSync(bytes).length, no_speech_prob: 0 },
  };
}

/** All of it at once where the vendor tells no words. */
function segmentsOf(heard: Heard): readonly HeardSegment[] {
  if (heard.words.length > 0) return toSegments(heard.words);
  return heard.text === "" ? [] : [{ text: heard.text, start: 0, end: endOf(heard), logprob: undefined }];
}

function endOf({ seconds, words }: Heard): number {
  return seconds ?? words.at(-1)?.end ?? 0;
}

const names = new Intl.DisplayNames("en", { type: "language" });

/** OpenAI tells a language by its English name. */
function nameOf(code: string | undefined): string {
  if (code === undefined) return "";
  try {
    return (names.of(code) ?? code).toLowerCase();
  } catch {
    return code;
  }
}

function toSrtCue({ text, start, end }: HeardSegment, index: number): string {
  return `${index + 1}\n${toTime(start, ",")} --> ${toTime(end, ",")}\n${text}\n\n`;
}

function toVttCue({ text, start, end }: HeardSegment): string {
  return `${toTime(start, ".")} --> ${toTime(end, ".")}\n${text}\n\n`;
}

function toTime(seconds: number, mark: string): string {
  const all = Math.round(seconds * 1_000);
  const two = (count: number) => String(Math.floor(count)).padStart(2, "0");
  const [hours, minutes, rest] = [all / 3_600_000, (all / 60_000) % 60, (all / 1_000) % 60];
  return `${two(hours)}:${two(minutes)}:${two(rest)}${mark}${String(all % 1_000).padStart(3, "0")}`;
}
