import type { CallRequest } from "../../call/read-request.ts";
import { refuseField } from "../../call/refuse-field.ts";
import { createNativeWire } from "../../providers/native.ts";
import { toChatUsage } from "../../providers/responses/from-response.ts";
import { responsesWire } from "../../providers/responses/responses.ts";
import type { Wire } from "../../providers/wire.ts";
import type { AnswerFacts, AnswerWriter, ReadCall, ReadingProvider } from "../dialect.ts";
import { findFields, setFields } from "../openai/json-fields.ts";
import { fieldOf } from "../openai/usage.ts";
import { type Fields, isAbsent, readText } from "../request-fields.ts";
import { toCountedChat } from "./native-count.ts";
import { refuseDearer } from "./native-refusals.ts";
import { toConversationBody, toOwnBody } from "./native-response.ts";
import { readOwnCompaction } from "./own-compaction.ts";
import { toResponseId } from "./response-object.ts";
import { type ResponseRequest, toPlacedItems } from "./response-request.ts";

/** A conversation that is to be told in fewer tokens, as its caller wrote it. */
export interface AskedCompaction {
  readonly body: Buffer;
  readonly read: ResponseRequest;
  /** The items of the responses that it goes on from. */
  readonly history: readonly Fields[];
  readonly input: readonly Fields[];
}

/** What only a response has. */
const notHere = ["stream", "background", "store", "max_output_tokens"];
const idField = new Set(["id"]);

/**
 * A compaction. For a provider that makes them: what the caller wrote goes there byte for byte, and what is answered comes back so, but for
 * the id. For any other the model is asked for a summary. Throws `invalid_request` for what decides and is wrong.
 */
export function readCompaction(asked: AskedCompaction, provider: ReadingProvider): ReadCall {
  const { read, history, input } = asked;
  const model = readText(read.json["model"], "model");
  for (const field of notHere) {
    if (!isAbsent(read.json[field])) throw refuseField(field, "is not known here", "不是此处可用的参数");
  }
  if (provider.dialect !== "responses") return readOwnCompaction(asked, toPlacedItems(history, input));
  refuseDearer(read.json, history, input, provider);
  return { request: toCallRequest(asked, model), wire: createCompactionWire(asked), createWriter };
}

function toCallRequest(asked: AskedCompaction, model: string): CallRequest {
  const { read, history, input } = asked;
  const { own, fields } = toOwnBody(asked);
  return {
    ...{ surface: "chat", model, isStream: false, wantsUsage: true, outputLimit: undefined, takesNoLimit: true },
    ...{ choices: 1, answers: 1, json: toCountedChat(read.json, [...history, ...input]), body: own, fields },
  };
}

function createCompactionWire(asked: AskedCompaction): Wire {
  const wire: Wire = {
    ...responsesWire,
    toAnswer(body, json, facts) {
      if (fieldOf(json, "object") !== "response.compaction") return responsesWire.toAnswer(body, json, facts);
      // Of what it has put out nothing is text: it is charged by what is reported.
      const message = { role: "assistant", content: "" };
      const choices = [{ index: 0, message, finish_reason: "stop" }];
      return { body, json: { object: "chat.completion", choices, usage: toChatUsage(json) } };
    },
  };
  return createNativeWire(wire, {
    draft: (_, { upstreamName }) => ({
      endpoint: "/responses/compact",
      toBody: () => toConversationBody(asked, upstreamName),
    }),
    toRaw: ({ raw }) => raw,
  });
}

/** It is never streamed. */
function createWriter({ callId }: AnswerFacts): AnswerWriter {
  const nothing = Buffer.alloc(0);
  return {
    whole(body) {
      const fields = findFields(body, idField);
      return fields ? setFields(body, fields, new Map([["id", JSON.stringify(toResponseId(callId))]])) : body;
    },
    event: () => undefined,
    end: () => nothing,
    fail: () => nothing,
  };
}
