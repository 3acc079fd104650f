import type { Answer } from "@lyss/kit/http/upstream/request-answer.ts";
import type { RpcMessage, RpcParams } from "../servers/json-rpc.ts";
import { readRpcMessages } from "../servers/read-rpc-messages.ts";
import { RpcAnswerError } from "../servers/rpc-answer-error.ts";

export type RpcAnswer = Extract<RpcMessage, { kind: "result" | "error" }>;

/** What else comes before the answer. */
export interface RpcListener {
  onProgress(params: RpcParams): void;
  /** The server logs something. */
  onLogged(params: RpcParams): void;
  /** The server asks something back. May throw an RpcAnswerError. */
  onRequest(request: Extract<RpcMessage, { kind: "request" }>): void;
}

/**
 * Reads what a tool server answers to the request `id`, as JSON or as server-sent events. Throws an RpcAnswerError for every answer that
 * is none, and what cuts it off.
 */
export async function readRpcAnswer(answer: Answer, id: number, listener: RpcListener): Promise<RpcAnswer> {
  for await (const message of readRpcMessages(answer, id)) {
    const found = hear(message, id, listener);
    if (found) return found;
  }
  throw new RpcAnswerError("unanswered");
}

function hear(message: RpcMessage, id: number, listener: RpcListener): RpcAnswer | undefined {
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
      if (message.method === "notifications/message") listener.onLogged(message.params);
      return undefined;
  }
}
