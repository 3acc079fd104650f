import { readForm } from "../surfaces/multipart.ts";
import { lengthOf } from "../surfaces/sound-length.ts";
import type { Call } from "./call.ts";
import { type Frame, sendFrames, sendJson, sendSimulatedError, waitAsAsked } from "./delivery.ts";
import { type Behaviour, parseBehaviour } from "./directives.ts";
import { createPicture } from "./picture.ts";
import { createSound, soundTypes, spokenMs } from "./sound.ts";
import { countSimulatedTokens } from "./tokenizer.ts";
import { badRequest } from "./wire-error.ts";

const eventStream = "text/event-stream; charset=utf-8";
const soundPieceBytes = 4_096;
const tokensPerSecond = 20;
const imageTokens = 1_056;
const shownImageTokens = 323;
const maxSide = 2_048;
const maxImages = 10;

/** What of a request these endpoints read; every other field is passed over. */
export type MediaFields = Readonly<Record<string, unknown>>;

/** Fields and files of a form. Throws a WireError 400 for what is none. */
export function readMediaForm({ body, contentType }: Call): { fields: MediaFields; files: readonly Buffer[] } {
  try {
    const { bytes, parts } = readForm(body, contentType);
    const of = ({ start, end }: { readonly start: number; readonly end: number }) => bytes.subarray(start, end);
    const texts = parts.filter(({ fileName }) => fileName === undefined);
    return {
      fields: Object.fromEntries(texts.map((part) => [part.name, of(part).toString("utf8")])),
      files: parts.filter(({ fileName }) => fileName !== undefined).map(of),
    };
  } catch {
    throw badRequest(null, "The body of your request must be a form with a file.");
  }
}

/** Speaks a text as silence that is as long. */
export async function speak(call: Call, model: string, fields: MediaFields): Promise<void> {
  const { input, voice, response_format: format = "mp3", stream_format: streamFormat = "audio" } = fields;
  if (typeof input !== "string" || input === "" || input.length > 4_096) {
    throw badRequest("input", "Invalid value for 'input': must be 1 to 4096 characters.");
  }
  if (voice === undefined) throw badRequest("voice", "Missing required parameter: 'voice'.");
  const type = typeof format === "string" && Object.hasOwn(soundTypes, format) ? soundTypes[format] : undefined;
  if (!type) throw badRequest("response_format", `Simulated speech has these formats: ${Object.keys(soundTypes)}.`);
  const lengthMs = spokenMs(input);
  const pieces = piecesOf(createSound(String(format), lengthMs));
  const promptTokens = countSimulatedTokens(input);
  const [behaviour, isFine] = await begin(call, model, input, { promptTokens, isStream: streamFormat === "sse" });
  if (!isFine) return;
  if (streamFormat !== "sse") return sendSound(call, behaviour, pieces, type);
  const output = Math.ceil((lengthMs / 1_000) * tokensPerSecond);
  const usage = { input_tokens: promptTokens, output_tokens: output, total_tokens: promptTokens + output };
  return sendEvents(call, behaviour, [
    ...pieces.map((piece) => ({ type: "speech.audio.delta", audio: piece.toString("base64") })),
    { type: "speech.audio.done", ...(behaviour.usage !== "none" && { usage }) },
  ]);
}

export function piecesOf(sound: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < sound.length; at += soundPieceBytes) pieces.push(sound.subarray(at, at + soundPieceBytes));
  return pieces;
}

export function sendSound(call: Call, behaviour: Behaviour, pieces: readonly Buffer[], contentType: string) {
  const frames = pieces.map((bytes) => ({ bytes, tokens: 1, isEnd: false }));
  return sendFrames(call.open(behaviour), { contentType, frames, error: "" });
}

/** Says how long a sound is, in words, in every form of a transcript. */
export async function transcribe(call: Call, model: string, fields: MediaFields, sound: Buffer): Promise<void> {
  const { response_format: format = "json", stream, prompt = "" } = fields;
  const { likely: seconds } = lengthOf(sound);
  const text = transcriptOf(seconds);
  const [behaviour, isFine] = await begin(call, model, String(prompt), {
    promptTokens: 0,
    isStream: stream === "true",
  });
  if (!isFine) return;
  const reported = behaviour.usage === "none" ? {} : { usage: { type: "duration", seconds } };
  if (stream === "true") {
    const words = text.split(/(?= )/);
    const deltas = words.map((delta) => ({ type: "transcript.text.delta", delta }));
    return sendEvents(call, behaviour, [...deltas, { type: "transcript.text.done", text, ...reported }]);
  }
  const end = new Date(seconds * 1_000).toISOString().slice(11, 23);
  const texts: Readonly<Record<string, string>> = {
    text: `${text}\n`,
    srt: `1\n00:00:00,000 --> ${end.replace(".", ",")}\n${text}\n\n`,
    vtt: `WEBVTT\n\n00:00:00.000 --> ${end}\n${text}\n\n`,
  };
  const written = Object.hasOwn(texts, String(format)) ? texts[String(format)] : undefined;
  if (written !== undefined) {
    const frames = [{ bytes: written, tokens: 1, isEnd: false }];
    return sendFrames(call.open(behaviour), { contentType: "text/plain; charset=utf-8", frames, error: "" });
  }
  const more = format === "verbose_json" ? { task: "transcribe", language: "english", duration: seconds } : {};
  return sendJson(call.open(behaviour), 200, { ...more, text, ...reported });
}

export function transcriptOf(seconds: number): string {
  return `This is a simulated transcript of ${seconds} seconds of sound.`;
}

/** Makes images of one colour. */
export async function draw(call: Call, model: string, fields: MediaFields, shown: number): Promise<void> {
  const {
    prompt = "",
    size = "1024x1024",
    n = 1,
    stream,
    response_format: format,
    partial_images: partial = 0,
  } = fields;
  const [, width = 0, height = 0] = (
    /^(\d{1,4})x(\d{1,4})$/.exec(size === "auto" ? "1024x1024" : String(size)) ?? []
  ).map(Number);
  if (width < 16 || height < 16 || width > maxSide || height > maxSide) {
    throw badRequest("size", `Invalid value for 'size': must be such as 1024x1024, at most ${maxSide} each way.`);
  }
  const count = Number(n);
  if (!Number.isInteger(count) || count < 1 || count > maxImages)
    throw badRequest("n", `Invalid value for 'n': must be 1 to ${maxImages}.`);
  const isStream = stream === true || stream === "true";
  const textTokens = countSimulatedTokens(String(prompt));
  const promptTokens = textTokens + shown * shownImageTokens;
  const [behaviour, isFine] = await begin(call, model, String(prompt), { promptTokens, isStream });
  if (!isFine) return;
  const usage = {
    ...{
      input_tokens: promptTokens,
      output_tokens: count * imageTokens,
      total_tokens: promptTokens + count * imageTokens,
    },
    input_tokens_details: { text_tokens: textTokens, image_tokens: shown * shownImageTokens },
  };
  const reported = behaviour.usage === "none" ? {} : { usage };
  const picture = (name: string) => createPicture(`${prompt}\n${name}`, width, height).toString("base64");
  const created_at = call.stamp.created;
  if (isStream) {
    const kind = shown === 0 ? "image_generation" : "image_edit";
    const partials = Array.from({ length: Math.min(3, Number(partial)) }, (_, index) => ({
      ...{ type: `${kind}.partial_image`, partial_image_index: index, b64_json: picture("0"), created_at },
    }));
    return sendEvents(call, behaviour, [
      ...partials,
      { type: `${kind}.completed`, b64_json: picture("0"), created_at, ...reported },
    ]);
  }
  const data = Array.from({ length: count }, (_, index) => {
    const base64 = picture(String(index));
    return format === "url" ? { url: `data:image/png;base64,${base64}` } : { b64_json: base64 };
  });
  return sendJson(call.open(behaviour), 200, { created: created_at, data, ...reported });
}

interface MediaEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

interface Begun {
  readonly promptTokens: number;
  readonly isStream: boolean;
}

/** Waits as asked for; false when an error was asked for, and was sent. */
export async function begin(
  call: Call,
  model: string,
  text: string,
  begun: Begun,
): Promise<readonly [Behaviour, boolean]> {
  const behaviour = call.settle(parseBehaviour(call.directives, text, {}));
  call.note({ model, ...begun });
  const outlet = call.open(behaviour);
  await waitAsAsked(outlet);
  if (!behaviour.error) return [behaviour, true];
  await sendSimulatedError(outlet, behaviour.error, call.toError);
  return [behaviour, false];
}

function sendEvents(call: Call, behaviour: Behaviour, events: readonly MediaEvent[]): Promise<void> {
  const frames = events.map(
    (event): Frame => ({
      bytes: `data: ${JSON.stringify(event)}\n\n`,
      tokens: 1,
      isEnd: /\.(done|completed)$/.test(event.type),
    }),
  );
  const error = `data: ${JSON.stringify({ type: "error", error: { message: "The server had an error.", type: "server_error" } })}\n\n`;
  return sendFrames(call.open(behaviour), { contentType: eventStream, frames, error });
}
