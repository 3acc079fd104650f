import { z } from "zod";
import { writeEvent, writeException } from "../providers/bedrock/event-frames.ts";
import { type Answer, type Choice, type Piece, usageOf } from "./answer.ts";
import { answerChat, lastUserText } from "./chat.ts";
import { type Frame, sendFrames, sendJson, sendSimulatedError, waitAsAsked } from "./delivery.ts";
import { type Behaviour, parseBehaviour } from "./directives.ts";
import { type Call, getModelOf } from "./endpoints.ts";
import { parseChatRequest, parseJsonObject } from "./requests.ts";
import { badRequest } from "./wire-error.ts";

const text = z.string();
const source = z.looseObject({ bytes: text });
const block = z.looseObject({
  text: text.optional(),
  image: z.looseObject({ format: text, source }).optional(),
  document: z.looseObject({ name: text, source }).optional(),
  toolUse: z.looseObject({ toolUseId: text, name: text, input: z.unknown() }).optional(),
  toolResult: z.looseObject({ toolUseId: text, content: z.array(z.looseObject({ text: text.optional() })) }).optional(),
});
const schema = z.looseObject({
  messages: z.array(z.looseObject({ role: z.enum(["user", "assistant"]), content: z.array(block).min(1) })).min(1),
  system: z.array(z.looseObject({ text: text.optional() })).optional(),
  inferenceConfig: z
    .strictObject({
      maxTokens: z.int().optional(),
      temperature: z.number().min(0).max(1).optional(),
      topP: z.number().optional(),
      stopSequences: z.array(text).optional(),
    })
    .optional(),
  toolConfig: z
    .looseObject({
      tools: z.array(
        z.looseObject({
          toolSpec: z.looseObject({ name: text, inputSchema: z.looseObject({ json: z.looseObject({}) }) }).optional(),
        }),
      ),
      toolChoice: z
        .looseObject({ any: z.looseObject({}).optional(), tool: z.looseObject({ name: text }).optional() })
        .optional(),
    })
    .optional(),
  outputConfig: z
    .looseObject({
      textFormat: z.looseObject({
        structure: z.looseObject({ jsonSchema: z.looseObject({ schema: text, name: text }) }),
      }),
    })
    .optional(),
});
type ConverseRequest = z.output<typeof schema>;

/** `POST /model/{modelId}/converse` and `/converse-stream`: the same answers, as Bedrock writes them. */
export async function serveConverse(call: Call, modelId: string, isStream: boolean): Promise<void> {
  const model = getModelOf({ model: decodeURIComponent(modelId) }, "chat");
  const parsed = schema.safeParse(parseJsonObject(call.body));
  if (!parsed.success) throw badRequest(null, z.prettifyError(parsed.error));
  const request = parseChatRequest(toChatRequest(parsed.data, model.name));
  const behaviour = call.settle(parseBehaviour(call.directives, lastUserText(request.messages), {}));
  const answer = answerChat(request, model, behaviour, call.stamp);
  call.note({ model: model.name, isStream, promptTokens: answer.promptTokens });
  const outlet = call.open(behaviour);
  await waitAsAsked(outlet);
  if (behaviour.error) return sendSimulatedError(outlet, behaviour.error, ({ message }) => ({ message }));
  const [choice] = answer.choices;
  if (!choice) throw badRequest(null, "there is nothing to answer");
  if (isStream) {
    return sendFrames(outlet, {
      contentType: "application/vnd.amazon.eventstream",
      frames: toFrames(answer, choice, behaviour),
      error: writeException("internalServerException", "Simulated: the server had an error."),
    });
  }
  await sendJson(outlet, 200, {
    output: { message: { role: "assistant", content: toBlocks(choice.pieces) } },
    stopReason: toStopReason(choice),
    ...toUsage(answer, behaviour),
    metrics: { latencyMs: 1 },
  });
  if (!behaviour.body && !outlet.signal.aborted) outlet.onTokens(choice.pieces.length);
}

function toChatRequest(
  { messages, system = [], inferenceConfig, toolConfig, outputConfig }: ConverseRequest,
  model: string,
) {
  const { maxTokens, temperature, topP, stopSequences } = inferenceConfig ?? {};
  const tools = (toolConfig?.tools ?? []).flatMap(({ toolSpec }) =>
    toolSpec ? [{ type: "function", function: { name: toolSpec.name, parameters: toolSpec.inputSchema.json } }] : [],
  );
  const { any, tool } = toolConfig?.toolChoice ?? {};
  const choice = tool ? { type: "function", function: { name: tool.name } } : any && "required";
  const format = outputConfig?.textFormat.structure.jsonSchema;
  return {
    model,
    messages: [
      ...system.flatMap((part) => (part.text === undefined ? [] : [{ role: "system", content: part.text }])),
      ...messages.flatMap(({ role, content }) => (role === "user" ? toUser(content) : [toAssistant(content)])),
    ],
    ...{ max_tokens: maxTokens, temperature, top_p: topP, stop: stopSequences, tool_choice: choice },
    ...(tools.length > 0 && { tools }),
    ...(format && {
      response_format: { type: "json_schema", json_schema: { name: format.name, schema: JSON.parse(format.schema) } },
    }),
  };
}

type Blocks = ConverseRequest["messages"][number]["content"];

/** Results of tools come before what is said beside them. */
function toUser(blocks: Blocks): object[] {
  const results = blocks.flatMap(({ toolResult }) =>
    toolResult
      ? [
          {
            ...{ role: "tool", tool_call_id: toolResult.toolUseId },
            content: toolResult.content.map((part) => part.text ?? "").join(""),
          },
        ]
      : [],
  );
  const parts = blocks.flatMap(({ text: said, image, document }): object[] => {
    if (image) {
      const url = `data:image/${image.format};base64,${image.source.bytes}`;
      return [{ type: "image_url", image_url: { url } }];
    }
    if (document) return [{ type: "file", file: { filename: document.name, file_data: document.source.bytes } }];
    return said === undefined ? [] : [{ type: "text", text: said }];
  });
  return parts.length === 0 ? results : [...results, { role: "user", content: parts }];
}

function toAssistant(blocks: Blocks): object {
  const calls = blocks.flatMap(({ toolUse }) =>
    toolUse
      ? [
          {
            ...{ id: toolUse.toolUseId, type: "function" },
            function: { name: toolUse.name, arguments: JSON.stringify(toolUse.input ?? {}) },
          },
        ]
      : [],
  );
  const content = blocks.map((one) => one.text ?? "").join("");
  return { role: "assistant", content, ...(calls.length > 0 && { tool_calls: calls }) };
}

function toBlocks(pieces: readonly Piece[]): object[] {
  const said = pieces.map((piece) => (piece.type === "text" ? piece.text : "")).join("");
  const calls = pieces.flatMap((piece) => {
    if (piece.type !== "call") return [];
    const given = pieces.map((one) => (one.type === "arguments" && one.call === piece.call ? one.text : "")).join("");
    return [{ toolUse: { toolUseId: piece.id, name: piece.name, input: parseInput(given) } }];
  });
  return [...(said === "" && calls.length > 0 ? [] : [{ text: said }]), ...calls];
}

/** A call that a limit cut has no whole input. */
function parseInput(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch {
    return {};
  }
}

function toStopReason({ pieces, finishReason }: Choice): string | undefined {
  if (finishReason === "length") return "max_tokens";
  if (finishReason === "content_filter") return "content_filtered";
  if (finishReason === null) return undefined;
  return pieces.some(({ type }) => type === "call") ? "tool_use" : "end_turn";
}

function toUsage(answer: Answer, { usage: kind }: Behaviour) {
  if (kind === "none") return {};
  const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details } = usageOf(answer, kind);
  const { cached_tokens } = prompt_tokens_details;
  return {
    usage: {
      inputTokens: prompt_tokens - cached_tokens,
      outputTokens: completion_tokens,
      totalTokens: total_tokens,
      cacheReadInputTokens: cached_tokens,
      cacheWriteInputTokens: 0,
    },
  };
}

function* toFrames(answer: Answer, choice: Choice, behaviour: Behaviour): Generator<Frame> {
  const frame = (type: string, payload: object, tokens = 0, isEnd = false): Frame => ({
    ...{ bytes: writeEvent(type, payload), tokens, isEnd },
  });
  yield frame("messageStart", { role: "assistant" });
  let contentBlockIndex = 0;
  let isOpen = false;
  for (const piece of choice.pieces) {
    if (piece.type === "call") {
      if (isOpen) yield frame("contentBlockStop", { contentBlockIndex: contentBlockIndex++ });
      const start = { toolUse: { toolUseId: piece.id, name: piece.name } };
      yield frame("contentBlockStart", { contentBlockIndex, start }, 1);
    } else {
      const delta = piece.type === "text" ? { text: piece.text } : { toolUse: { input: piece.text } };
      yield frame("contentBlockDelta", { contentBlockIndex, delta }, 1);
    }
    isOpen = true;
  }
  if (isOpen) yield frame("contentBlockStop", { contentBlockIndex });
  const stopReason = toStopReason(choice);
  if (stopReason !== undefined) yield frame("messageStop", { stopReason });
  yield frame("metadata", { ...toUsage(answer, behaviour), metrics: { latencyMs: 1 } }, 0, true);
}
