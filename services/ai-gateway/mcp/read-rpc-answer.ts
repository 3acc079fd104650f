import type { Answer } from "@lyss/kit/http/upstream/request-answer.ts";
import { parseExact } from "../dialects/exact-json.ts";
import { createSseReader, SseEventTooLarge } from "../dialects/openai/sse.ts";
import { type RpcMessage, type RpcParams, toRpcMessage } from "./json-rpc.ts";
import { ToolServerError } from "./tool-server-failure.ts";

export type RpcAnswer = Extract<RpcMessage, { kind: "result" | "error" }>;

/** What else comes before the answer. */
export interface RpcListener {
  onProgress(params: RpcParams): void;
  /** The server asks something back. May throw a ToolServerError. */
  onRequest(request: Extract<RpcMessage, { kind: "request" }>): void;
}

/** Of one answer, its notifications included. */
export const maxAnswerBytes = 16_777_216;
const maxErrorBytes = 65_536;

/**
 * Reads what a tool server answers to the request `id`, as JSON or as server-sent events. Throws a ToolServerError for every answer that
 * is none, and what cuts it off.
 */
export async function readRpcAnswer(answer: Answer, id: number, listener: RpcListener): Promise<RpcAnswer> {
  const { head } = answer;
  const type = (head.find("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase();
  const isUsual = head.status === 200;
  if (head.find("content-encoding") !== undefined) throw discarded(answer, "malformed");
  if (isUsual && type === "text/event-stream") return readStream(answer, id, listener);
  if (type !== "application/json") throw discarded(answer, isUsual ? "malformed" : "status");
  const body = await readBytes(answer, isUsual ? maxAnswerBytes : maxErrorBytes);
  const message = parseMessage(body.toString("utf8"));
  // Servers that refuse a request often say so with a status as well as in its answer.
  if (message?.kind === "error" && (message.id === id || !isUsual)) return message;
  if (!isUsual) throw new ToolServerError("status");
  if (message?.kind !== "result" || message.id !== id) throw new ToolServerError("malformed");
  return message;
}

async function readStream(answer: Answer, id: number, listener: RpcListener): Promise<RpcAnswer> {
  const reader = createSseReader(maxAnswerBytes);
  let bytes = 0;
  try {
    for await (const chunk of answer.body) {
      bytes += chunk.length;
      if (bytes > maxAnswerBytes) throw new ToolServerError("too_large");
      for (const { data } of reader.push(chunk)) {
        const found = data === undefined || data === "" ? undefined : hear(data, id, listener);
        if (found) return found;
      }
    }
    const last = reader.flush()?.data;
    const found = last === undefined || last === "" ? undefined : hear(last, id, listener);
    if (found) return found;
  } catch (err) {
    throw err instanceof SseEventTooLarge ? new ToolServerError("too_large") : err;
  } finally {
    answer.discard();
  }
  throw new ToolServerError("unanswered");
}

function hear(data: string, id: number, listener: RpcListener): RpcAnswer | undefined {
  const message = parseMessage(data);
  if (!message) throw new ToolServerError("malformed");
  switch (message.kind) {
    case "result":
    case "error":
      return message.id === id ? message : undefined;
    case "request":
      listener.onRequest(message);
      return undefined;
    case "notification":
      if (message.method === "notifications/progress" && message.params["progressToken"] === id) {
        listener.onProgress(message.params);
      }
      return undefined;
  }
}

function parseMessage(text: string): RpcMessage | undefined {
  try {
    return toRpcMessage(parseExact(text));
  } catch {
    return undefined;
  }
}

async function readBytes(answer: Answer, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += chunk.length;
    if (size > maxBytes) throw discarded(answer, "too_large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function discarded(answer: Answer, fault: "malformed" | "status" | "too_large"): ToolServerError {
  answer.discard();
  return new ToolServerError(fault);
}
