import type { Answer } from "@lyss/kit/http/upstream/request-answer.ts";
import { parseExact } from "../dialects/exact-json.ts";
import { createSseReader, SseEventTooLarge } from "../dialects/openai/sse.ts";
import { type RpcId, type RpcMessage, toRpcMessage } from "./json-rpc.ts";
import { RpcAnswerError } from "./rpc-answer-error.ts";

export interface RpcAnswerLimits {
  /** Of one message. */
  readonly maxMessageBytes: number;
  /** Of the whole answer. */
  readonly maxBytes: number;
}

/** Of one answer to one question, and what is said meanwhile. */
export const maxAnswerBytes = 16_777_216;
const maxErrorBytes = 65_536;

/**
 * The messages of an answer to the request `id`: the one of a JSON body, or those of its server-sent events, as they come. Who stops early ends the answer. An
 * error that comes with a status of its own has the request's id, whatever it says. Throws an RpcAnswerError for what is no such answer, and what cuts it off.
 */
export async function* readRpcMessages(
  answer: Answer,
  id: RpcId,
  { maxMessageBytes, maxBytes }: RpcAnswerLimits = { maxMessageBytes: maxAnswerBytes, maxBytes: maxAnswerBytes },
): AsyncGenerator<RpcMessage, void, undefined> {
  const { head } = answer;
  const type = (head.find("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase();
  const isUsual = head.status === 200;
  try {
    if (head.find("content-encoding") !== undefined) throw new RpcAnswerError("malformed");
    if (isUsual && type === "text/event-stream") return yield* readEvents(answer, maxMessageBytes, maxBytes);
    if (type !== "application/json") throw new RpcAnswerError(isUsual ? "malformed" : "status");
    const body = await readBytes(answer, isUsual ? maxMessageBytes : maxErrorBytes);
    const message = parseMessage(body.toString("utf8"));
    // Servers that refuse a request often say so with a status as well as in its answer.
    if (!isUsual) {
      if (message?.kind !== "error") throw new RpcAnswerError("status");
      yield { ...message, id };
      return;
    }
    if (!message) throw new RpcAnswerError("malformed");
    yield message;
  } finally {
    answer.discard();
  }
}

async function* readEvents(answer: Answer, maxMessageBytes: number, maxBytes: number): AsyncGenerator<RpcMessage> {
  const reader = createSseReader(maxMessageBytes);
  let bytes = 0;
  try {
    for await (const chunk of answer.body) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new RpcAnswerError("too_large");
      for (const { data } of reader.push(chunk)) if (data) yield requireMessage(data);
    }
    const last = reader.flush()?.data;
    if (last) yield requireMessage(last);
  } catch (err) {
    throw err instanceof SseEventTooLarge ? new RpcAnswerError("too_large") : err;
  }
}

function requireMessage(data: string): RpcMessage {
  const message = parseMessage(data);
  if (!message) throw new RpcAnswerError("malformed");
  return message;
}

function parseMessage(text: string): RpcMessage | undefined {
  try {
    return toRpcMessage(parseExact(text));
  } catch {
    return undefined;
  }
}

/** The whole body. Throws an RpcAnswerError for one that is larger, and what cuts it off. */
export async function readBytes(answer: Answer, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += chunk.length;
    if (size > maxBytes) throw new RpcAnswerError("too_large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}
