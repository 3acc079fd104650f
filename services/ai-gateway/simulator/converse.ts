import { z } from "zod";
import { writeEvent, writeException } from "../providers/bedrock/event-frames.ts";
import { type Answer, type Choice, usageOf } from "./answer.ts";
import type { Frame } from "./delivery.ts";
import type { Behaviour } from "./directives.ts";
import {
  callsOf,
  hasCalls,
  onlyChoice,
  parseInput,
  saidBy,
  thoughtOf,
  thoughtSignature,
  toAssistantMessage,
  toChatCall,
  toChatFormat,
  toChatTool,
  toImagePart,
  toNamedChoice,
  toUserMessages,
  type VendorForm,
} from "./vendor-form.ts";
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

/** Bedrock's Converse and ConverseStream (docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html). */
export const converseForm: VendorForm = {
  contentType: "application/vnd.amazon.eventstream",
  toChat(body, model) {
    const parsed = schema.safeParse(body);
    if (!parsed.success) throw badRequest(null, z.prettifyError(parsed.error));
    return toChatRequest(parsed.data, model);
  },
  whole(answer, behaviour) {
    const choice = onlyChoice(answer);
    return {
      output: { message: { role: "assistant", content: toBlocks(answer, choice) } },
      stopReason: toStopReason(choice),
      ...toUsage(answer, behaviour),
      metrics: { latencyMs: 1 },
    };
  },
  frames: toFrames,
  streamError: writeException("internalServerException", "Simulated: the server had an error."),
};

function toChatRequest(
  { messages, system = [], inferenceConfig, toolConfig, outputConfig }: ConverseRequest,
  model: string,
) {
  const { maxTokens, temperature, topP, stopSequences } = inferenceConfig ?? {};
  const tools = (toolConfig?.tools ?? []).flatMap(({ toolSpec }) =>
    toolSpec ? [toChatTool(toolSpec.name, toolSpec.inputSchema.json)] : [],
  );
  const { any, tool } = toolConfig?.toolChoice ?? {};
  const choice = tool ? toNamedChoice(tool.name) : any && "required";
  const format = outputConfig?.textFormat.structure.jsonSchema;
  return {
    model,
    messages: [
      ...system.flatMap((part) => (part.text === undefined ? [] : [{ role: "system", content: part.text }])),
      ...messages.flatMap(({ role, content }) => (role === "user" ? toUser(content) : [toAssistant(content)])),
    ],
    ...{ max_tokens: maxTokens, temperature, top_p: topP, stop: stopSequences, tool_choice: choice },
    ...(tools.length > 0 && { tools }),
    ...(format && { response_format: toChatFormat(JSON.parse(format.schema)) }),
  };
}

type Blocks = ConverseRequest["messages"][number]["content"];

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
    if (image) return [toImagePart(`image/${image.format}`, image.source.bytes)];
    if (document) return [{ type: "file", file: { filename: document.name, file_data: document.source.bytes } }];
    return said === undefined ? [] : [{ type: "text", text: said }];
  });
  return toUserMessages(results, parts);
}

function toAssistant(blocks: Blocks): object {
  const calls = blocks.flatMap(({ toolUse }) =>
    toolUse ? [toChatCall(toolUse.toolUseId, toolUse.name, toolUse.input)] : [],
  );
  return toAssistantMessage(blocks.map((one) => one.text ?? "").join(""), calls);
}

function toBlocks(answer: Answer, { pieces }: Choice): object[] {
  const said = saidBy(pieces);
  const thought = thoughtOf(answer);
  const calls = callsOf(pieces).map(({ id, name, given }) => ({
    toolUse: { toolUseId: id, name, input: parseInput(given) },
  }));
  return [
    ...(thought === ""
      ? []
      : [{ reasoningContent: { reasoningText: { text: thought, signature: thoughtSignature } } }]),
    ...(said === "" && calls.length > 0 ? [] : [{ text: said }]),
    ...calls,
  ];
}

function toStopReason(choice: Choice): string | undefined {
  const { finishReason } = choice;
  if (finishReason === "length") return "max_tokens";
  if (finishReason === "content_filter") return "content_filtered";
  if (finishReason === null) return undefined;
  return hasCalls(choice) ? "tool_use" : "end_turn";
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

function* toFrames(answer: Answer, behaviour: Behaviour): Generator<Frame> {
  const choice = onlyChoice(answer);
  const frame = (type: string, payload: object, tokens = 0, isEnd = false): Frame => ({
    ...{ bytes: writeEvent(type, payload), tokens, isEnd },
  });
  yield frame("messageStart", { role: "assistant" });
  let contentBlockIndex = 0;
  let isOpen = false;
  const thought = thoughtOf(answer);
  if (thought !== "") {
    const deltas = [{ text: thought }, { signature: thoughtSignature }];
    for (const reasoningContent of deltas)
      yield frame("contentBlockDelta", { contentBlockIndex, delta: { reasoningContent } });
    yield frame("contentBlockStop", { contentBlockIndex: contentBlockIndex++ });
  }
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
