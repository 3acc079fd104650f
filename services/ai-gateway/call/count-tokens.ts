import { setImmediate } from "node:timers/promises";
import type { Provider } from "../model.ts";
import { countSimulatedInput, countSimulatedPrompt, countSimulatedTokens } from "../simulator/tokenizer.ts";
import type { CallRequest } from "./read-request.ts";

/** What of a request is counted. */
export type CountedRequest = Pick<CallRequest, "surface" | "json" | "body">;

/** Counts what goes into and out of a model. */
export interface TokenCounter {
  /** An upper bound of the request's input, to hold money for; exact where the tokenizer and the prompt's rule are known. */
  boundInput(request: CountedRequest): number;
  /** The request's input as it is likely to be, to charge where the provider reports nothing. */
  estimateInput(request: CountedRequest): Promise<number>;
  /** Tokens of text that was put out. */
  estimateText(text: string): Promise<number>;
}

/**
 * Above this, text is bounded by its bytes instead of counted: a token has at least one byte, and a large prompt must not
 * hold up the event loop.
 */
const maxCountedBytes = 32_768;
/**
 * Text is counted in pieces: byte-pair encoding takes quadratic time on a run of one kind of character (1.7 s for 64 KB of
 * `a`, 12 ms in pieces). A cut adds at most a token, so the sum stays an upper bound.
 */
const pieceLength = 512;
/** What a part that is not text (an image, a sound, a file) may cost: the dearest documented image is below (OpenAI vision guide, 2026). */
const mediaPartTokens = 50_000;
/** OpenAI's cookbook, "How to count tokens": 3 tokens around each message, 1 for a name, 3 for the start of the answer. */
const plainMessageTokens = 3;
const nameTokens = 1;
const messageTokens = plainMessageTokens + nameTokens;
const answerStartTokens = 3;

/** An image of 1024 × 1024 pixels in high detail (OpenAI vision guide); what a part really costs depends on its size. */
const likelyMediaPartTokens = 765;

function countSimulated({ surface, json }: CountedRequest): number {
  if (surface === "chat") return countSimulatedPrompt(json["messages"], json["tools"]);
  if (surface === "rerank") return countSimulatedInput([json["query"], ...[json["documents"]].flat()]);
  return countSimulatedInput(surface === "completions" ? json["prompt"] : json["input"]);
}

const simulatedCounter: TokenCounter = {
  boundInput: countSimulated,
  estimateInput: async (request) => countSimulated(request),
  estimateText: async (text) => countSimulatedTokens(text),
};

type CountText = (text: string) => number;

function createCounter(countText: CountText): TokenCounter {
  async function estimateText(text: string): Promise<number> {
    let count = 0;
    for (let at = 0; at < text.length; at += maxCountedBytes) {
      // A long text is counted in turns, so that other calls go on meanwhile.
      if (at > 0) await setImmediate();
      count += countText(text.slice(at, at + maxCountedBytes));
    }
    return count;
  }
  return {
    estimateText,
    boundInput(request) {
      const media = countMediaParts(request.json["messages"]) * mediaPartTokens;
      if (request.body.length > maxCountedBytes) return request.body.length + media;
      return countText(JSON.stringify(contentOf(request))) + countFraming(request) + media;
    },
    async estimateInput(request) {
      const plain = plainTextsOf(request);
      if (plain) {
        let count = plain.framingTokens;
        for (const text of plain.texts) count += await estimateText(text);
        return count;
      }
      const media = countMediaParts(request.json["messages"]) * likelyMediaPartTokens;
      const text = JSON.stringify(contentOf(request), (key, value) => (mediaFields.has(key) ? undefined : value));
      return (await estimateText(text)) + countFraming(request) + media;
    },
  };
}

/** A conversation of plain texts, for which the cookbook's rule is exact; undefined for any other request. */
function plainTextsOf({
  surface,
  json,
}: CountedRequest): { framingTokens: number; texts: readonly string[] } | undefined {
  const { messages, tools } = json;
  if (surface !== "chat" || tools !== undefined || !Array.isArray(messages)) return undefined;
  let framingTokens = answerStartTokens;
  const texts: string[] = [];
  for (const message of messages) {
    const { role, content, name, ...rest } = Object(message);
    const said = typeof content === "string" ? [content] : textsOf(content);
    const isPlain = typeof role === "string" && said !== undefined && Object.keys(rest).length === 0;
    if (!isPlain || (name !== undefined && typeof name !== "string")) return undefined;
    framingTokens += plainMessageTokens + (name === undefined ? 0 : nameTokens);
    texts.push(role, ...said, name ?? "");
  }
  return { framingTokens, texts };
}

/** The texts of parts that are nothing else; undefined for any others. */
function textsOf(content: unknown): readonly string[] | undefined {
  if (!Array.isArray(content)) return undefined;
  const texts = content.map((part) => (part?.type === "text" && typeof part.text === "string" ? part.text : undefined));
  return texts.every((text) => text !== undefined) ? texts : undefined;
}

/** What holds the bytes of a part that is not text. */
const mediaFields = new Set(["image_url", "input_audio", "file"]);

const contentFields = ["messages", "prompt", "input", "tools", "query", "documents", "instructions"] as const;

/** Counting the JSON itself counts every text in it, plus punctuation that the provider's own framing stays below. */
function contentOf({ json }: CountedRequest): readonly unknown[] {
  return contentFields.map((name) => json[name]).filter((part) => part !== undefined);
}

function countFraming({ surface, json }: CountedRequest): number {
  const messages = Array.isArray(json["messages"]) ? json["messages"].length : 0;
  return surface === "chat" ? messages * messageTokens + answerStartTokens : 0;
}

function countMediaParts(messages: unknown): number {
  if (!Array.isArray(messages)) return 0;
  let count = 0;
  for (const message of messages) {
    const content: unknown = message?.content;
    if (Array.isArray(content)) count += content.filter((part) => part?.type !== "text").length;
  }
  return count;
}

let o200k: Promise<TokenCounter> | undefined;

/**
 * Loads what counts for any of these providers. It holds everything else up for a quarter of a second, which no call should be in: so
 * before the first of them. Nothing for the simulated one alone. A repeat does nothing.
 */
export async function loadCounters(providers: readonly Provider[]): Promise<void> {
  const provider = providers.find(({ source }) => source !== "simulator");
  if (provider) await counterFor(provider);
}

/**
 * The counter for a provider's models. OpenAI's o200k vocabulary stands in for vendors that publish none; it is loaded once, when there is
 * such a provider, since it takes some 70 MB.
 */
export function counterFor(provider: Provider): Promise<TokenCounter> {
  if (provider.source === "simulator") return Promise.resolve(simulatedCounter);
  o200k ??= import("gpt-tokenizer/encoding/o200k_base").then(({ countTokens }) =>
    // Text that looks like a control token is text: `allowedSpecial` empty and none disallowed.
    createCounter((text) => {
      let count = 0;
      for (let at = 0; at < text.length; at += pieceLength) {
        count += countTokens(text.slice(at, at + pieceLength), { disallowedSpecial: new Set() });
      }
      return count;
    }),
  );
  return o200k;
}
