import type { OtherBucket } from "@lyss/contracts/pricing/token-price.ts";

/** A model of the simulated provider, with play prices so that money can be tried out too. */
export interface SimulatedModel {
  readonly name: string;
  readonly kind:
    | "chat"
    | "completion"
    | "embedding"
    | "moderation"
    | "rerank"
    | "speech"
    | "transcription"
    | "image"
    | "realtime"
    | "video";
  /** Decimal US dollars per million prompt tokens. */
  readonly inputUsdPerMillion: string;
  /** Decimal US dollars per million completion tokens. */
  readonly outputUsdPerMillion: string;
  /** Prompt and completion together; for embeddings, one input. */
  readonly contextTokens: number;
  /** The most that one choice may hold; 0 where no text is written. */
  readonly maxOutputTokens: number;
  /** What else is charged: decimal US dollars for a million of each. */
  readonly unitUsdPerMillion?: Partial<Record<OtherBucket, string>>;
  /** Decimal US dollars for a second of video, by size. */
  readonly videoPrices?: readonly { readonly size: string; readonly usdPerSecond: string }[];
}

/** Everything the simulated provider serves. */
export const simulatedModels: readonly SimulatedModel[] = [
  {
    name: "simulated-chat",
    kind: "chat",
    inputUsdPerMillion: "0.15",
    outputUsdPerMillion: "0.60",
    contextTokens: 128_000,
    maxOutputTokens: 16_384,
  },
  {
    name: "simulated-small",
    kind: "chat",
    inputUsdPerMillion: "0.05",
    outputUsdPerMillion: "0.20",
    contextTokens: 8_192,
    maxOutputTokens: 1_024,
  },
  {
    name: "simulated-large",
    kind: "chat",
    inputUsdPerMillion: "1.00",
    outputUsdPerMillion: "4.00",
    contextTokens: 1_000_000,
    maxOutputTokens: 100_000,
  },
  {
    name: "simulated-completion",
    kind: "completion",
    inputUsdPerMillion: "0.10",
    outputUsdPerMillion: "0.40",
    contextTokens: 16_384,
    maxOutputTokens: 4_096,
  },
  {
    name: "simulated-embedding",
    kind: "embedding",
    inputUsdPerMillion: "0.02",
    outputUsdPerMillion: "0",
    contextTokens: 8_192,
    maxOutputTokens: 0,
  },
  {
    name: "simulated-moderation",
    kind: "moderation",
    inputUsdPerMillion: "0.01",
    outputUsdPerMillion: "0",
    contextTokens: 32_768,
    maxOutputTokens: 0,
  },
  {
    name: "simulated-rerank",
    kind: "rerank",
    inputUsdPerMillion: "0",
    outputUsdPerMillion: "0",
    unitUsdPerMillion: { requests: "2000" },
    contextTokens: 32_768,
    maxOutputTokens: 0,
  },
  {
    name: "simulated-speech",
    kind: "speech",
    inputUsdPerMillion: "0",
    outputUsdPerMillion: "0",
    unitUsdPerMillion: { characters: "15" },
    contextTokens: 4_096,
    maxOutputTokens: 0,
  },
  {
    name: "simulated-transcription",
    kind: "transcription",
    inputUsdPerMillion: "0",
    outputUsdPerMillion: "0",
    unitUsdPerMillion: { seconds: "100" },
    contextTokens: 0,
    maxOutputTokens: 0,
  },
  {
    name: "simulated-image",
    kind: "image",
    inputUsdPerMillion: "5",
    outputUsdPerMillion: "0",
    unitUsdPerMillion: { imageInput: "10", imageOutput: "40" },
    contextTokens: 0,
    maxOutputTokens: 1_056,
  },
  {
    name: "simulated-realtime",
    kind: "realtime",
    inputUsdPerMillion: "0.60",
    outputUsdPerMillion: "2.40",
    unitUsdPerMillion: { audioInput: "10", audioOutput: "20" },
    contextTokens: 32_768,
    maxOutputTokens: 4_096,
  },
  {
    name: "simulated-video",
    kind: "video",
    inputUsdPerMillion: "0",
    outputUsdPerMillion: "0",
    videoPrices: [
      { size: "720x1280", usdPerSecond: "0.10" },
      { size: "1280x720", usdPerSecond: "0.10" },
      { size: "1024x1792", usdPerSecond: "0.50" },
      { size: "1792x1024", usdPerSecond: "0.50" },
    ],
    contextTokens: 0,
    maxOutputTokens: 0,
  },
];

/** What the names of fine-tuned models begin with: what they were made of. */
const tuned = /^ft:([^:]+):/;

/** The model of that name, or undefined. One that was fine-tuned answers as that does of which it was made. */
export function findSimulatedModel(name: string): SimulatedModel | undefined {
  const base = tuned.exec(name)?.[1] ?? name;
  const found = simulatedModels.find((model) => model.name === base);
  return found && base !== name ? { ...found, name } : found;
}
