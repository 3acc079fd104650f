import type { CallRequest, Surface } from "../call/read-request.ts";
import type { SseEvent } from "../dialects/openai/sse.ts";
import type { Model } from "../model.ts";

/**
 * How a provider's API is spoken. What is asked comes in chat's form and what is answered goes back in it, as if every provider
 * spoke OpenAI's dialect: a wire is the pair of translators between, without state of its own. Each is a folder beside this file.
 */
export interface Wire {
  readonly surfaces: readonly Surface[];
  /**
   * Reads a call before money is set aside for it. Throws `invalid_request` naming the field for what the provider's API has no
   * place for and what would be answered otherwise without it.
   */
  draft(request: CallRequest, model: Model): WireDraft;
  /** What a provider is told besides the body. An empty secret is none. */
  toHeaders(secret: string): Readonly<Record<string, string>>;
  /** A whole answer in chat's form. `json` is `body`, parsed. What is no answer stays what it is. */
  toAnswer(body: Buffer, json: unknown, facts: WireFacts): WireAnswer;
  createStream(facts: WireFacts): WireStream;
}

/** A request that is read, and waits for the money that limits its answer. */
export interface WireDraft {
  /** Where it stands below the provider's base URL. */
  readonly endpoint: string;
  /** What of the caller's own head goes upstream. */
  readonly headers?: Readonly<Record<string, string>>;
  /** `outputTokens` is the limit to write in, where that is not the caller's own. */
  toBody(outputTokens: number | undefined): Buffer;
}

export interface WireFacts {
  /** Unix milliseconds. */
  readonly startedAtMs: number;
}

export interface WireAnswer {
  readonly body: Buffer;
  readonly json: unknown;
}

export interface WireStream {
  /** What an event of the provider is in chat's form: none, one or several. `[DONE]` follows a complete answer. */
  read(event: SseEvent): readonly SseEvent[];
}
