import type { ResponseHead } from "@lyss/kit/http/upstream/response-head.ts";
import type { CallRequest } from "../call/read-request.ts";
import type { SseEvent } from "../dialects/openai/sse.ts";
import type { ReportedUsage } from "../dialects/openai/usage.ts";
import type { Model, Provider } from "../model.ts";
import type { Surface } from "../surfaces/surface.ts";

/**
 * How a provider's API is spoken. What is asked comes in chat's form and what is answered goes back in it, as if every provider
 * spoke OpenAI's dialect: a wire is the pair of translators between, without state of its own. Each is a folder beside this file.
 */
export interface Wire {
  readonly surfaces: readonly Surface[];
  /** Which names it takes for tools; undefined where it has none. */
  readonly toolNames?: ToolNameRule;
  /** True where chat's own form is spoken, so that bytes of who speaks it go through as they are. */
  readonly isChat?: boolean;
  /**
   * Reads a call before money is set aside for it. Throws `invalid_request` naming the field for what the provider's API has no
   * place for and what would be answered otherwise without it.
   */
  draft(request: CallRequest, model: Model, provider?: WireProvider): WireDraft;
  /** What a provider is told besides the body. An empty secret is none. */
  toHeaders(secret: string): Readonly<Record<string, string>>;
  /** What it is told besides, where that depends on the request itself: it is signed. */
  sign?(secret: string, sent: SentRequest): Readonly<Record<string, string>>;
  /** How a stream is cut into events, where it is not server-sent events. */
  readonly framing?: Framing;
  /** A request that costs nothing and shows whether the provider takes the key; its list of models where none is given. */
  readonly probe?: Probe;
  /** For a provider that answers with a task: how it is followed until there is an answer. */
  readonly tasks?: TaskForm;
  /** What the head of a sound says that it cost; undefined where it says nothing. */
  readHead?(head: Pick<ResponseHead, "find">): ReportedUsage | undefined;
  /** A whole answer in chat's form. `json` is `body`, parsed. What is no answer stays what it is. */
  toAnswer(body: Buffer, json: unknown, facts: WireFacts): WireAnswer;
  createStream(facts: WireFacts): WireStream;
}

export interface ToolNameRule {
  /** Characters that may not stand in one. */
  readonly other: RegExp;
  /** In characters. */
  readonly maxLength: number;
  /** True where neither a digit nor a sign but `_` may come first. */
  readonly isWordFirst?: boolean;
}

/** A request that is read, and waits for the money that limits its answer. */
export interface WireDraft {
  /** Where it stands below the provider's base URL. */
  readonly endpoint: string;
  /** What of the caller's own head goes upstream. */
  readonly headers?: Readonly<Record<string, string>>;
  /** `outputTokens` is the limit to write in, where that is not the caller's own. */
  toBody(outputTokens: number | undefined): Buffer;
  /** Reads its answer in place of the wire's own, where that depends on what was asked. */
  readonly toAnswer?: Wire["toAnswer"];
}

/** What of a provider decides how it is asked. */
export type WireProvider = Partial<Pick<Provider, "baseUrl" | "apiVersion" | "unsupportedParameters">>;

/** A request as it goes onto the connection. */
export interface SentRequest {
  readonly method: string;
  /** Host, and port where it is not the usual one. */
  readonly authority: string;
  /** With the query, if any; encoded as it is sent. */
  readonly path: string;
  readonly body: Buffer;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

export interface Framing {
  /** How the content type of a stream begins. */
  readonly contentType: string;
  /** Cuts bytes into events wherever chunks break. Throws for an event that is longer than `maxEventBytes` or broken. */
  createReader(maxEventBytes: number): EventReader;
}

export interface EventReader {
  /** The events that are now whole. */
  push(chunk: Buffer): SseEvent[];
  /** What is left at the end, if that is an event. Throws for half of one. */
  flush(): SseEvent | undefined;
}

/** How a provider is asked that takes a request as a task, which has its output later or at another place. */
export interface TaskForm {
  /**
   * Origins besides the provider's own at which its tasks stream. What an answer names is believed only where it is one of them: it
   * could name anything that can be reached from here.
   */
  readonly streamOrigins: readonly string[];
  /** What an answer says of its task; undefined for what is none. */
  read(json: unknown): WireTask | undefined;
  /** Matches the end of a stream whose task came to its end. */
  readonly streamEnd: RegExp;
  /** A task that is over as the last bytes of its stream, which itself says neither how it ended nor what it used. */
  toLastEvent(json: unknown): Buffer;
}

export interface WireTask {
  readonly isOver: boolean;
  /** Where it stands below the provider's base URL. */
  readonly endpoint: string;
  /** Where it is given up. */
  readonly cancelEndpoint: string;
  /** Where its output streams; undefined where it does not. */
  readonly streamUrl: string | undefined;
}

export interface Probe {
  readonly method: "GET" | "POST";
  /** Below the base URL; `model` is one that the provider offers. */
  toEndpoint(model: string, provider: WireProvider): string;
  readonly body?: Buffer;
  /** Statuses that only a request with a good key is answered with. */
  readonly accepted: readonly number[];
}

export interface WireFacts {
  /** Unix milliseconds. */
  readonly startedAtMs: number;
  /** For answers that have no id of their own. */
  readonly callId: string;
  /** What the provider calls the model, for answers that do not say so. */
  readonly upstreamModel: string;
}

export interface WireAnswer {
  readonly body: Buffer;
  /** `body`, parsed; where that is no JSON, what it says and used. */
  readonly json: unknown;
  /** What `body` is, where that is no JSON. */
  readonly contentType?: string;
}

export interface WireStream {
  /** What an event of the provider is in chat's form: none, one or several. `[DONE]` follows a complete answer. */
  read(event: SseEvent): readonly SseEvent[];
}
