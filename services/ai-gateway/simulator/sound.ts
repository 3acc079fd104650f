/** Silence, in the formats that need no encoder. */
export const soundTypes: Readonly<Record<string, string>> = { mp3: "audio/mpeg", wav: "audio/wav", pcm: "audio/pcm" };

const millisecondsPerCharacter = 60;
const waveRate = 8_000;
const waveHeadBytes = 44;
/** Silence in samples of eight bits. */
const waveSilence = 128;
const pcmRate = 24_000;
/** A frame of MPEG-1 Layer III at 128 kbit/s and 44.1 kHz whose side information is zero is silent (ISO/IEC 11172-3). */
const frameHead = Buffer.from([0xff, 0xfb, 0x90, 0x64]);
const frameBytes = 417;
const frameMs = 1_152 / 44.1;

/** How long a text takes to be spoken. */
export function spokenMs(text: string): number {
  return [...text].length * millisecondsPerCharacter;
}

/** A sound of so many milliseconds. `format` is one of `soundTypes`. */
export function createSound(format: string, lengthMs: number): Buffer {
  if (format === "mp3") {
    const frame = Buffer.concat([frameHead, Buffer.alloc(frameBytes - frameHead.length)]);
    return Buffer.concat(Array.from({ length: Math.ceil(lengthMs / frameMs) }, () => frame));
  }
  if (format === "pcm") return Buffer.alloc(2 * Math.round((lengthMs * pcmRate) / 1_000));
  return createWave(Math.round((lengthMs * waveRate) / 1_000));
}

function createWave(samples: number): Buffer {
  const wave = Buffer.alloc(waveHeadBytes + samples, waveSilence);
  wave.write("RIFF", 0, "latin1");
  wave.writeUInt32LE(waveHeadBytes - 8 + samples, 4);
  wave.write("WAVEfmt ", 8, "latin1");
  wave.writeUInt32LE(16, 16);
  wave.writeUInt16LE(1, 20);
  wave.writeUInt16LE(1, 22);
  wave.writeUInt32LE(waveRate, 24);
  wave.writeUInt32LE(waveRate, 28);
  wave.writeUInt16LE(1, 32);
  wave.writeUInt16LE(8, 34);
  wave.write("data", 36, "latin1");
  wave.writeUInt32LE(samples, 40);
  return wave;
}
