import type { AnswerFacts, AnswerWriter, AskedCall } from "../dialect.ts";
import { readChatAnswer } from "../openai/chat-answer.ts";
import { toErrorBody } from "./failure-reply.ts";
import { toMessage } from "./message-answer.ts";
import { type MessageRequest, readMessageRequest } from "./message-request.ts";
import { createMessageStream, toEvent } from "./message-stream.ts";

/** A call of `POST /v1/messages`. Throws as `readMessageRequest` does. */
export function askInAnthropic(body: Buffer): AskedCall {
  const read = readMessageRequest(body);
  return {
    request: read.request,
    asked: { surface: "messages", body },
    createWriter: (facts) => createMessageWriter(read, facts),
  };
}

function createMessageWriter({ request: { model }, ...read }: MessageRequest, facts: AnswerFacts): AnswerWriter {
  const asked = { model, ...read };
  const stream = createMessageStream(facts, asked);
  return {
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
