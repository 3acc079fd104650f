import { fieldOf } from "../../dialects/openai/usage.ts";
import { countOf, textOf } from "../read-answer.ts";
import type { WireAnswer, WireFacts, WireTask } from "../wire.ts";

/** `aborted` is one that was given up before it began. */
const ends: readonly unknown[] = ["succeeded", "failed", "canceled", "aborted"];
const id = /^[A-Za-z0-9_-]{1,100}$/;

/** What an answer says of its prediction. Its places follow from its id: the addresses in it are not believed. */
export function readTask(json: unknown): WireTask | undefined {
  const name = textOf(json, "id");
  const status = fieldOf(json, "status");
  if (!id.test(name) || typeof status !== "string") return undefined;
  const endpoint = `/predictions/${name}`;
  return {
    ...{ isOver: ends.includes(status), endpoint, cancelEndpoint: `${endpoint}/cancel` },
    streamUrl: textOf(fieldOf(json, "urls"), "stream") || undefined,
  };
}

/** Why a prediction has no output, as relays of chat tell it; undefined for one that has. None of its text goes on. */
export function toChatError(json: unknown): object | undefined {
  const status = fieldOf(json, "status");
  if (status === "succeeded") return undefined;
  if (status !== "failed") return { error: { status: 500, code: "prediction_canceled" } };
  return toFailedError(textOf(json, "error"));
}

/** What a fault means by its code (replicate.com/docs/reference/error-codes): of what is asked or answered, or of the model. */
export function toFailedError(text: string): object {
  const [code] = /\bE\d{3,4}\b/.exec(text) ?? [];
  if (code === "E005") return { error: { status: 400, code: "content_filter" } };
  if (code === "E004") return { error: { status: 503, code: "service_unavailable" } };
  return { error: { status: 500, code: code ?? "prediction_failed" } };
}

/** What a model has put out: language models do it in pieces. */
export function toText(output: unknown): string {
  const pieces: readonly unknown[] = Array.isArray(output) ? output : [output];
  return pieces.map((piece) => (typeof piece === "string" ? piece : "")).join("");
}

/** Replicate does not say why an answer ended: one that is as long as it may be has reached its limit. */
export function toFinishReason(json: unknown): string {
  const input = fieldOf(json, "input");
  const limits = ["max_tokens", "max_completion_tokens", "max_output_tokens"].map((name) => countOf(input, name));
  const made = countOf(fieldOf(json, "metrics"), "output_token_count");
  return made !== undefined && limits.some((limit) => limit !== undefined && made >= limit) ? "length" : "stop";
}

/** Usage in chat's form; undefined where nothing is reported. */
export function toChatUsage(json: unknown): object | undefined {
  const metrics = fieldOf(json, "metrics");
  const prompt = countOf(metrics, "input_token_count");
  const completion = countOf(metrics, "output_token_count");
  if (prompt === undefined || completion === undefined) return undefined;
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

/** A prediction as a chat completion; undefined for what is none. */
export function toChatCompletion(json: unknown, { startedAtMs, upstreamModel }: WireFacts): object | undefined {
  if (!readTask(json)) return undefined;
  const failed = toChatError(json);
  if (failed) return failed;
  const message = { role: "assistant", content: toText(fieldOf(json, "output")), refusal: null };
  return {
    id: textOf(json, "id"),
    object: "chat.completion",
    created: Math.floor(startedAtMs / 1_000),
    model: upstreamModel,
    choices: [{ index: 0, message, logprobs: null, finish_reason: toFinishReason(json) }],
    usage: toChatUsage(json),
  };
}

/** A prediction as the images that it has made, each at its address; null for what is none. */
export function toImageList(_body: Buffer, json: unknown, { startedAtMs }: WireFacts): WireAnswer {
  const output = fieldOf(json, "output");
  const urls = (Array.isArray(output) ? output : [output]).filter((url) => typeof url === "string");
  const failed = readTask(json) && toChatError(json);
  const data = urls.map((url) => ({ url }));
  const made = urls.length === 0 ? null : { created: Math.floor(startedAtMs / 1_000), data };
  const answer = failed ?? made;
  return { body: Buffer.from(JSON.stringify(answer)), json: answer };
}
