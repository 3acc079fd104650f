/** How long a sound is, in whole seconds. */
export interface SoundLength {
  readonly most: number;
  readonly likely: number;
}

/** Speech in Opus takes 6 kbit/s at least (RFC 6716), MP3 as usual 128. */
const leastBytesPerSecond = 750;
const likelyBytesPerSecond = 16_000;

/** Exact for WAV; of others what so many bytes hold at most, and likely. */
export function lengthOf(sound: Buffer): SoundLength {
  const exact = lengthOfWave(sound);
  if (exact !== undefined) return { most: exact, likely: exact };
  return {
    most: Math.ceil(sound.length / leastBytesPerSecond),
    likely: Math.ceil(sound.length / likelyBytesPerSecond),
  };
}

const chunkHeadBytes = 8;

/** By the chunks `fmt ` and `data` (Multimedia Programming Interface 1.0); undefined for what is no WAV. */
function lengthOfWave(sound: Buffer): number | undefined {
  if (sound.toString("latin1", 0, 4) !== "RIFF" || sound.toString("latin1", 8, 12) !== "WAVE") return undefined;
  let bytesPerSecond = 0;
  for (let at = 12; at + chunkHeadBytes <= sound.length; ) {
    const name = sound.toString("latin1", at, at + 4);
    const size = sound.readUInt32LE(at + 4);
    const start = at + chunkHeadBytes;
    if (name === "fmt " && start + 12 <= sound.length) bytesPerSecond = sound.readUInt32LE(start + 8);
    if (name === "data") {
      // A recorder that was cut off has not written how much came.
      const bytes = sound.length - start;
      return bytesPerSecond > 0 ? Math.ceil(Math.min(size || bytes, bytes) / bytesPerSecond) : undefined;
    }
    at = start + size + (size % 2);
  }
  return undefined;
}
