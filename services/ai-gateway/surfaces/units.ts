import type { Quantities } from "@lyss/contracts/pricing/price.ts";
import { type OtherQuantities, toOtherQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import type { SoundLength } from "./sound-length.ts";
import type { Surface } from "./surface.ts";

/** What a call uses besides tokens of text: known before it is sent, or bounded. */
export interface Units {
  /** Money is set aside for so much. */
  readonly most: OtherQuantities;
  /** Charged where the provider does not say. */
  readonly likely: OtherQuantities;
}

type Json = Readonly<Record<string, unknown>>;

/** Undefined where text is all that is counted. `json` is a request whose content was checked. */
export function unitsOf(surface: Surface, json: Json, choices: number): Units | undefined {
  if (surface === "rerank") return searchUnitsOf(json);
  if (surface === "imageGenerations") return imageUnitsOf(choices, 0);
  return surface === "speech" ? spokenUnitsOf(String(json["input"])) : undefined;
}

/** A second of speech has some 14 letters, and some 20 tokens (OpenAI's prices of gpt-4o-mini-tts by the minute and by the token). */
const audioTokensPerTenBytes = 14;

function spokenUnitsOf(text: string): Units {
  const characters = BigInt([...text].length);
  const audioOutput = BigInt(Math.ceil((Buffer.byteLength(text) * audioTokensPerTenBytes) / 10));
  return toUnits({ characters }, { characters, audioOutput });
}

/** A second of sound has some 17 tokens at OpenAI (gpt-4o-transcribe by the minute and by the token), 25 and 32 elsewhere. */
const likelyTokensPerSecond = 17;
const mostTokensPerSecond = 50;

/** Of sounds that become text. */
export function heardUnitsOf({ most, likely }: SoundLength): Units {
  const of = (seconds: number, perSecond: number) => ({
    seconds: BigInt(seconds),
    audioInput: BigInt(seconds * perSecond),
  });
  return toUnits(of(most, mostTokensPerSecond), of(likely, likelyTokensPerSecond));
}

/** A square of 1024 pixels in medium quality (OpenAI's image guide, gpt-image-1); one that is shown has 1,000 and some, in high fidelity 6,500. */
const likelyImageTokens = 1_056;
const mostShownTokens = 20_000;

/** Of `images` that are made, from `shown` ones. */
export function imageUnitsOf(images: number, shown: number): Units {
  const made = { images: BigInt(images) };
  const tokens = (count: number, each: number) => BigInt(count * each);
  return toUnits(
    { ...made, imageInput: tokens(shown, mostShownTokens) },
    { ...made, imageInput: tokens(shown, likelyImageTokens), imageOutput: tokens(images, likelyImageTokens) },
  );
}

function toUnits(most: Quantities, likely: Quantities): Units {
  return { most: toOtherQuantities(most) ?? {}, likely: toOtherQuantities(likely) ?? {} };
}

/** A search is a query with up to so many documents; a longer document counts as several (docs.cohere.com, "How does Cohere's pricing work"). */
const documentsPerSearch = 100;
const tokensPerDocument = 500;
const likelyBytesPerToken = 4;
/** The query counts with each part of a document, and is taken for half of it at most. */
const leastBytesPerDocument = tokensPerDocument / 2;

function searchUnitsOf({ query, documents }: Json): Units {
  const queryBytes = Buffer.byteLength(String(query));
  const lengths = Array.isArray(documents) ? documents.map((document) => byteLengthOf(document) + queryBytes) : [];
  const searches = (bytesPerDocument: number) => {
    const parts = lengths.reduce((sum, length) => sum + Math.max(1, Math.ceil(length / bytesPerDocument)), 0);
    return { requests: BigInt(Math.max(1, Math.ceil(parts / documentsPerSearch))) };
  };
  return toUnits(searches(leastBytesPerDocument), searches(tokensPerDocument * likelyBytesPerToken));
}

function byteLengthOf(document: unknown): number {
  if (typeof document === "string") return Buffer.byteLength(document);
  const text = fieldOf(document, "text");
  return Buffer.byteLength(typeof text === "string" ? text : JSON.stringify(document));
}
