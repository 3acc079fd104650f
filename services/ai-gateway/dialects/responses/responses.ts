import type { AnswerFacts, AnswerWriter } from "../dialect.ts";
import { toErrorObject } from "../openai/failure-reply.ts";
import { type ResponseObject, startResponse } from "./response-object.ts";
import type { ResponseRequest } from "./response-request.ts";
import { createResponseStream } from "./response-stream.ts";
import type { ToldTools } from "./response-tools.ts";

/**
 * Keeps a response, as far as it is to be kept; false when it is not stored. Resolves before the response is shown. `lastEvents` are those of
 * its stream that are shown with its end.
 */
export type KeepResponse = (response: ResponseObject, lastEvents: string) => Promise<boolean>;

/** Writes a call's answer as a response, with calls of `tools` as those tell. What cannot be kept says `store: false`. */
export function createResponseWriter(
  read: ResponseRequest,
  facts: AnswerFacts,
  keep: KeepResponse,
  tools: ToldTools,
): AnswerWriter {
  const stream = createResponseStream(facts, startResponse(read, facts, "in_progress"), tools);
  const asKept = async (response: ResponseObject, lastEvents: string): Promise<ResponseObject> =>
    (await keep(response, lastEvents)) || !response.store ? response : { ...response, store: false };
  return {
    async whole(_body, json, tokens) {
      stream.read(json);
      return Buffer.from(JSON.stringify(await asKept(stream.close(tokens).response, "")));
    },
    event(_event, json) {
      const events = json === undefined ? "" : stream.read(json);
      return events === "" ? undefined : Buffer.from(events);
    },
    async end(tokens) {
      const { events, response } = stream.close(tokens);
      return Buffer.from(events + stream.end(await asKept(response, events)));
    },
    fail(failure, locale) {
      const { code, message } = toErrorObject(failure, locale).error;
      return Buffer.from(stream.fail({ code: String(code), message: String(message) }));
    },
  };
}
