import type { Answer } from "@lyss/kit/http/upstream/request-answer.ts";
import { parseExact } from "../dialects/exact-json.ts";
import { createSseReader, SseEventTooLarge } from "../dialects/openai/sse.ts";
import { type RpcMessage, toRpcMessage } from "../servers/json-rpc.ts";
import { RpcAnswerError } from "../servers/rpc-answer-error.ts";

/** What a server says of its own accord. */
export interface News {
  readonly message: RpcMessage;
  /** By which the server counts it; undefined where it does not. */
  readonly eventId: string | undefined;
}

const maxMessageBytes = 1_048_576;
const eventId = /(?:^|[\r\n])id: ?([\x21-\x7e]{1,1024})[\r\n]/;

/** The messages of a stream that has no end of its own. Throws an RpcAnswerError for what is no message, and what cuts it off. */
export async function* readNews({ body }: Answer): AsyncGenerator<News, void, undefined> {
  const reader = createSseReader(maxMessageBytes);
  try {
    for await (const chunk of body) {
      for (const { raw, data } of reader.push(chunk)) {
        if (!data) continue;
        const message = parseMessage(data);
        if (!message) throw new RpcAnswerError("malformed");
        yield { message, eventId: eventId.exec(raw.toString("latin1"))?.[1] };
      }
    }
  } catch (err) {
    throw err instanceof SseEventTooLarge ? new RpcAnswerError("too_large") : err;
  }
}

function parseMessage(text: string): RpcMessage | undefined {
  try {
    return toRpcMessage(parseExact(text));
  } catch {
    return undefined;
  }
}
