import { parseBodyExact } from "../../call/parse-body.ts";
import type { AnswerFacts, AnswerWriter, AskedCall } from "../dialect.ts";
import { readChatAnswer } from "../openai/chat-answer.ts";
import { readText } from "../request-fields.ts";
import { toErrorBody } from "./failure-reply.ts";
import { toMessage } from "./message-answer.ts";
import { type MessageRequest, readMessageRequest } from "./message-request.ts";
import { createMessageStream, pingEvent, toEvent } from "./message-stream.ts";
import { readNativeMessage } from "./native-message.ts";
import { nativePlaceOf } from "./native-places.ts";

/**
 * A call of `POST /v1/messages`, with the names of `anthropic-beta` that may go upstream. A provider that speaks as its caller
 * does gets its bytes; for every other it is read into chat's form. Throws `invalid_json`.
 */
export function askInAnthropic(body: Buffer, betas: readonly string[] = []): AskedCall {
  const json = parseBodyExact(body);
  return {
    model: readText(json["model"], "model"),
    asked: { surface: "messages", body },
    readFor(provider, upstreamName = "") {
      const place = nativePlaceOf(provider, upstreamName);
      if (place) return readNativeMessage({ body, json, betas }, provider, place);
      const read = readMessageRequest(json);
      return { request: read.request, createWriter: (facts) => createMessageWriter(read, facts) };
    },
  };
}

function createMessageWriter({ request: { model }, ...read }: MessageRequest, facts: AnswerFacts): AnswerWriter {
  const asked = { model, ...read };
  const stream = createMessageStream(facts, asked);
  return {
    keepAlive: pingEvent,
    whole(_body, json, tokens) {
      const answer = readChatAnswer(facts.callId, json);
      return Buffer.from(JSON.stringify(toMessage(answer, facts, asked, tokens)));
    },
    event(_event, json) {
      const events = json === undefined ? "" : stream.read(json);
      return events === "" ? undefined : Buffer.from(events);
    },
    end: (tokens) => Buffer.from(stream.end(tokens)),
    fail(failure, locale) {
      const { type, ...rest } = toErrorBody(failure, facts.requestId, locale);
      return Buffer.from(toEvent(type, rest));
    },
  };
}
