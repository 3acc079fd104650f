import type { Provider } from "../model.ts";
import { countSimulatedInput, countSimulatedPrompt, countSimulatedTokens } from "../simulator/tokenizer.ts";
import type { CallRequest } from "./read-request.ts";

/** Counts what goes into and out of a model. */
export interface TokenCounter {
  /** An upper bound of the request's input; exact where the tokenizer and the prompt's rule are known. */
  countInput(request: CallRequest): number;
  /** Tokens of text that was put out. */
  countText(text: string): number;
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
const messageTokens = 4;
const answerStartTokens = 3;

const simulatedCounter: TokenCounter = {
  countInput: ({ surface, json }) =>
    surface === "chat"
      ? countSimulatedPrompt(json["messages"], json["tools"])
      : countSimulatedInput(surface === "completions" ? json["prompt"] : json["input"]),
  countText: countSimulatedTokens,
};

type CountText = (text: string) => number;

function createCounter(countText: CountText): TokenCounter {
  return {
    countText: (text) => (text.length > maxCountedBytes ? Buffer.byteLength(text) : countText(text)),
    countInput({ json, body, surface }) {
      const media = countMediaParts(json["messages"]);
      if (body.length > maxCountedBytes) return body.length + media * mediaPartTokens;
      // Counting the JSON itself counts every text in it, plus punctuation that the provider's own framing stays below.
      const counted = countText(JSON.stringify([json["messages"], json["prompt"], json["input"], json["tools"]]));
      const messages = Array.isArray(json["messages"]) ? json["messages"].length : 0;
      const framing = surface === "chat" ? messages * messageTokens + answerStartTokens : 0;
      return counted + framing + media * mediaPartTokens;
    },
  };
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
 * The counter for a provider's models. OpenAI's o200k vocabulary stands in for vendors that publish none; it is loaded on
 * first use, since it takes some 70 MB.
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
