import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { DeepgramClient, DeepgramError } from "@deepgram/sdk";
import { ElevenLabsClient, ElevenLabsError } from "@elevenlabs/elevenlabs-js";
import { type Heard, models, type Sdk, type SoundFormat, type Speaker } from "./sdk.ts";

// SDKs whose vendors speak and write down, in forms of their own. They are asked as the gateway asks those vendors.

const words = { end: "", call: "", showsThoughts: false };

/** What follows from hearing and speaking in each format. */
function speakSounds(
  hear: (sound: Uint8Array<ArrayBuffer>) => Promise<Heard>,
  speakAs: NonNullable<Speaker["speakAs"]>,
): Pick<Speaker, "hear" | "transcribe" | "speakAs" | "speak"> {
  return {
    ...{ hear, speakAs },
    transcribe: async (sound) => (await hear(sound)).text,
    speak: async (text) => (await speakAs(text, "wav")).sound,
  };
}

const elevenLabsFormats = { mp3: "mp3_44100_128", wav: "wav_24000", pcm: "pcm_24000" } as const;

export const elevenLabs: Sdk = {
  ...{ package: "@elevenlabs/elevenlabs-js", name: "ElevenLabs", places: ["its vendor"], words },
  open({ url, apiKey }) {
    const client = new ElevenLabsClient({ baseUrl: url, apiKey, maxRetries: 0 });
    async function hear(data: Uint8Array<ArrayBuffer>): Promise<Heard> {
      const answer = await client.speechToText.convert({
        ...{ modelId: models.transcript, file: { data, filename: "sound.wav", contentType: "audio/wav" } },
        ...{ timestampsGranularity: "word", tagAudioEvents: false, temperature: 0 },
      });
      if (!("text" in answer)) throw new TypeError("it is the answer to another request");
      const spoken = answer.words.filter(({ type }) => type === "word");
      return { text: answer.text, seconds: answer.audioDurationSecs, language: answer.languageCode, words: spoken };
    }
    async function speakAs(text: string, format: SoundFormat) {
      const asked = { text, modelId: models.speech, outputFormat: elevenLabsFormats[format] };
      const { data, rawResponse } = await client.textToSpeech
        .convert("a-voice", { ...asked, languageCode: "en", seed: 1, voiceSettings: { speed: 1.1 } })
        .withRawResponse();
      const sound = new Uint8Array(await new Response(data).arrayBuffer());
      return { sound, characters: rawResponse.headers.get("character-cost") };
    }
    return {
      ...speakSounds(hear, speakAs),
      listModels: async () => (await client.models.list()).map(({ modelId }) => modelId),
    };
  },
  isTooMany: (err) => err instanceof ElevenLabsError && err.statusCode === 429,
};

const linear = { encoding: "linear16", sample_rate: 24_000 } as const;
const deepgramFormats = {
  mp3: { encoding: "mp3" },
  wav: { ...linear, container: "wav" },
  pcm: { ...linear, container: "none" },
} as const;

export const deepgram: Sdk = {
  ...{ package: "@deepgram/sdk", name: "Deepgram", places: ["its vendor"], words },
  open({ url, apiKey }) {
    const client = new DeepgramClient({ baseUrl: url, apiKey, maxRetries: 0 });
    async function hear(sound: Uint8Array<ArrayBuffer>): Promise<Heard> {
      const asked = { model: models.transcript, smart_format: true, detect_language: true };
      const answer = await client.listen.v1.media.transcribeFile(sound, asked);
      if (!("results" in answer)) throw new TypeError("it is the answer to another request");
      const [channel] = answer.results.channels;
      const { transcript = "", words: spoken = [] } = channel?.alternatives?.[0] ?? {};
      const { duration, channels, models: used, model_info, sha256 } = answer.metadata;
      assert.equal(channels, answer.results.channels.length);
      assert.equal(sha256, createHash("sha256").update(sound).digest("hex"));
      assert.deepEqual(used, Object.keys(model_info));
      return {
        ...{ text: transcript, seconds: duration, language: channel?.detected_language },
        words: spoken.map(({ word, start, end }) => ({ text: word, start, end })),
      };
    }
    async function speakAs(text: string, format: SoundFormat) {
      const asked = { text, model: `${models.speech}-thalia-en`, speed: 1.1, ...deepgramFormats[format] };
      const { data, rawResponse } = await client.speak.v1.audio.generate(asked).withRawResponse();
      return { sound: new Uint8Array(await data.arrayBuffer()), characters: rawResponse.headers.get("dg-char-count") };
    }
    return speakSounds(hear, speakAs);
  },
  isTooMany: (err) => err instanceof DeepgramError && err.statusCode === 429,
};
