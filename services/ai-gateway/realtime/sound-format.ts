import { fieldOf } from "../dialects/openai/usage.ts";

/** How a session's sounds are written: bytes of a second, each way. */
export interface SoundFormats {
  readonly input: number;
  readonly output: number;
}

/** PCM of 16 bits at 24 kHz, as it is unless a session says otherwise. */
const pcmBytesPerSecond = 48_000;
const telephoneBytesPerSecond = 8_000;
export const usualFormats: SoundFormats = { input: pcmBytesPerSecond, output: pcmBytesPerSecond };

/**
 * The formats in a `session` that the provider shows; `before` where it says nothing. The form of today (`audio.input.format`) and the
 * one before it (`input_audio_format`).
 */
export function readFormats(session: unknown, before: SoundFormats): SoundFormats {
  const audio = fieldOf(session, "audio");
  const of = (side: "input" | "output") =>
    bytesPerSecond(fieldOf(fieldOf(audio, side), "format") ?? fieldOf(session, `${side}_audio_format`)) ?? before[side];
  return { input: of("input"), output: of("output") };
}

function bytesPerSecond(format: unknown): number | undefined {
  const type = typeof format === "string" ? format : fieldOf(format, "type");
  if (typeof type !== "string") return undefined;
  if (/pcmu|pcma|g711/.test(type)) return telephoneBytesPerSecond;
  const rate = fieldOf(format, "rate");
  return typeof rate === "number" && rate >= 8_000 && rate <= 48_000 ? 2 * rate : pcmBytesPerSecond;
}

/** Bytes that a text in base64 stands for, at most. */
export function bytesOfBase64(text: unknown): number {
  return typeof text === "string" ? Math.ceil((text.length * 3) / 4) : 0;
}
