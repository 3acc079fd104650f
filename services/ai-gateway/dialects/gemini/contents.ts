import { parseBodyExact } from "../../call/parse-body.ts";
import { isAnthropic } from "../../providers/vertex/vertex.ts";
import type { AnswerFacts, AnswerWriter, AskedCall } from "../dialect.ts";
import { readChatAnswer } from "../openai/chat-answer.ts";
import { toContentAnswer } from "./content-answer.ts";
import { createFrames } from "./content-frames.ts";
import { type ContentRequest, readContentRequest } from "./content-request.ts";
import { createContentStream } from "./content-stream.ts";
import { toErrorBody } from "./failure-reply.ts";
import { readNativeContent } from "./native-content.ts";

/** How a call of `generateContent` or `streamGenerateContent` is asked for, besides its body. */
export interface AskedContent {
  readonly model: string;
  readonly isStream: boolean;
  /** True for `?alt=sse`: a stream is an array in JSON otherwise. */
  readonly isSse: boolean;
}

/**
 * A call in Google's dialect. A provider that speaks as its caller does gets its bytes; for every other it is read into chat's form.
 * Throws `invalid_json`.
 */
export function askInGemini(content: AskedContent, body: Buffer): AskedCall {
  const json = parseBodyExact(body);
  const { model, isStream, isSse } = content;
  return {
    model,
    asked: {
      surface: `${isStream ? `streamGenerateContent${isSse ? " sse" : ""}` : "generateContent"} ${model}`,
      body,
    },
    readFor(provider, upstreamName = "") {
      const isOnVertex = provider.dialect === "vertex" && !isAnthropic(upstreamName);
      if (provider.dialect === "gemini" || isOnVertex) return readNativeContent({ ...content, body, json }, provider);
      const read = readContentRequest(model, isStream, json);
      return { request: read.request, createWriter: (facts) => createContentWriter(read, facts, isSse) };
    },
  };
}

function createContentWriter(read: ContentRequest, facts: AnswerFacts, isSse: boolean): AnswerWriter {
  const asked = { model: read.request.model, showsThoughts: read.showsThoughts };
  const stream = createContentStream(facts, asked);
  const frames = createFrames(isSse);
  return {
    streamContentType: frames.contentType,
    keepAlive: frames.keepAlive,
    whole(_body, json, tokens) {
      const answer = readChatAnswer(facts.callId, json);
      return Buffer.from(JSON.stringify(toContentAnswer(answer, facts, asked, tokens)));
    },
    event(_event, json) {
      const piece = json === undefined ? undefined : stream.read(json);
      return piece === undefined ? undefined : frames.frame(piece);
    },
    end: (tokens) => Buffer.concat([frames.frame(stream.end(tokens)), frames.end()]),
    fail: (failure, locale) =>
      Buffer.concat([frames.frame(JSON.stringify(toErrorBody(failure, facts.requestId, locale))), frames.end()]),
  };
}
