import type { ServerResponse } from "node:http";
import type { Failure, Locale } from "@lyss/kit/errors/failure.ts";
import type { CallRequest } from "../call/read-request.ts";
import type { Provider } from "../model.ts";
import type { AnswerRecord, FirstAnswer } from "../once/call-once.ts";
import type { Wire } from "../providers/wire.ts";
import type { Preferences } from "../routing/preferences.ts";
import type { SseEvent } from "./openai/sse.ts";
import type { ReportedUsage } from "./openai/usage.ts";

/** What decides how a call is read for a provider. */
export type ReadingProvider = Pick<Provider, "dialect" | "source" | "serverTools">;

/**
 * A model call as its caller asked for it, in whatever dialect. A dialect is a folder beside this file: it reads a request
 * into chat's form, which every wire speaks, and writes what is answered in the form of its callers.
 */
export interface AskedCall {
  /** What the caller calls the model. */
  readonly model: string;
  /**
   * What makes a repeat with an idempotency key the same call: where it was sent, and the caller's own bytes; and, for one with a
   * prompt, the bytes in which that is written out.
   */
  readonly asked: { readonly surface: string; readonly body: Buffer; readonly opened?: Buffer };
  /** The request in chat's form, where it is at hand and says more than its bytes: with what came before it. */
  readonly chat?: Readonly<Record<string, unknown>>;
  /** Reads it for the provider that serves the model, which calls it by `upstreamName`. Throws `invalid_request` naming the field that cannot be had there. */
  readFor(provider: ReadingProvider, upstreamName?: string): ReadCall;
  /** What its caller wants of the providers; undefined for nothing. */
  readonly preferences?: Preferences;
  /** What it begins with, if that is one of its tenant's prompts. */
  readonly prompt?: { readonly name: string; readonly version: number } | undefined;
  /** Given for a call that goes on without its caller, who is answered before anything is sent. */
  readonly detached?: DetachedCall;
}

/** A call that is read for its provider. */
export interface ReadCall {
  /** What is counted, paid for and sent: in chat's form, but for a call with a wire of its own. */
  readonly request: CallRequest;
  createWriter(facts: AnswerFacts): AnswerWriter;
  /** Given where the provider speaks the caller's dialect: takes the bytes there and back, in place of the provider's usual wire. */
  readonly wire?: Wire;
  /** For a call whose answer is looked at: once for each attempt. */
  readonly openGuard?: () => AnswerGuard | undefined;
  /** For a call whose request is looked at: what of its own answer may be told to another provider. Throws as `AnswerGuard.whole` does. */
  readonly toTell?: (text: string) => string;
}

/** A call whose answer nobody waits for. */
export interface DetachedCall {
  /** Takes the place of the caller's connection; to destroy it is to cancel the call. */
  readonly res: ServerResponse;
  /**
   * Called once, when the call's money is set aside and nothing is sent yet; answers the caller. What it throws ends the
   * call, at no cost. `record` keeps that answer for a repeat of the request.
   */
  begin(callId: string, record: AnswerRecord | undefined): Promise<void>;
  /** Called when the call fails, before this process counts it as ended. Never rejects. */
  fail(err: unknown): Promise<void>;
  /** Called likewise when it has ended otherwise, for one that has still something to write down. Never rejects. */
  end?(): Promise<void>;
  /** Answers a repeat of the request, where that is more than the first answer's bytes. */
  repeat?(first: FirstAnswer): Promise<void>;
}

/** What a writer needs to know of its call. */
export interface AnswerFacts {
  readonly callId: string;
  readonly requestId: string;
  /** What the provider calls the model. */
  readonly upstreamModel: string;
  /** Unix milliseconds. */
  readonly startedAtMs: number;
  /** A writer that has to keep more of an answer than so many characters throws a RangeError. */
  readonly maxKeptLength: number;
}

/**
 * Writes one call's answer in its caller's dialect: either `whole`, or `event` for each event and then `end` or `fail`. Pure,
 * except that a dialect whose answers can be asked for again keeps one before it shows it.
 */
export interface AnswerWriter {
  /** What a stream is, where it is not server-sent events. */
  readonly streamContentType?: string;
  /** What keeps a stream alive between two events, and before the first, without saying anything; a comment unless given. */
  readonly keepAlive?: Buffer;
  /** The answer that was not streamed. `json` is `body`, parsed; `tokens` are what is charged. */
  whole(body: Buffer, json: unknown, tokens: ReportedUsage): Buffer | Promise<Buffer>;
  /** What an event of the provider's stream is for the caller; undefined for nothing. `json` is undefined for a comment. */
  event(event: SseEvent, json: unknown): Buffer | undefined;
  /** Ends a complete stream. */
  end(tokens: ReportedUsage): Buffer | Promise<Buffer>;
  /** Ends a stream that broke off after its first event. */
  fail(failure: Failure, locale: Locale): Buffer;
}

/** Passes on one attempt's answer as the rules of its call will have it. */
export interface AnswerGuard {
  /** A whole answer. Throws `guardrail_blocked`, `guardrail_failed`, and the signal's reason. */
  whole(body: Buffer, json: unknown, signal: AbortSignal): Promise<{ readonly body: Buffer; readonly json: unknown }>;
  /** What an event of the provider's stream is for the caller, by its writer; undefined for what is held back. Throws as `whole` does. */
  write(writer: AnswerWriter, event: SseEvent, json: unknown): Buffer | undefined;
  /** What was held back until the end of a complete answer. Throws as `whole` does. */
  end(writer: AnswerWriter): Buffer | undefined;
  /**
   * For a call with rules that ask others: what they let through of what was held back, as soon as that is enough to ask about, and at
   * the end whatever there is. Throws as `whole` does.
   */
  judge?(writer: AnswerWriter, isEnd: boolean, signal: AbortSignal): Promise<Buffer | undefined>;
}
