import { z } from "zod";
import { writeEvent, writeException } from "../providers/bedrock/event-frames.ts";
import { type Answer, type Choice, usageOf } from "./answer.ts";
import type { Frame } from "./delivery.ts";
import type { Behaviour } from "./directives.ts";
import {
  callsOf,
  eventStream,
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
  toFrame,
  toImagePart,
  toNamedChoice,
  toUserMessages,
  type VendorForm,
} from "./vendor-form.ts";
import { badRequest } from "./wire-error.ts";

const text = z.string();
const block = z.looseObject({
  type: text,
  text: text.optional(),
  source: z
    .looseObject({
      type: z.enum(["base64", "url", "text"]),
      media_type: text.optional(),
      data: text.optional(),
      url: text.optional(),
    })
    .optional(),
  id: text.optional(),
  name: text.optional(),
  input: z.unknown().optional(),
  tool_use_id: text.optional(),
  content: z.union([text, z.array(z.looseObject({ type: text, text: text.optional() }))]).optional(),
});
const content = z.union([text, z.array(block)]);
const schema = z.looseObject({
  max_tokens: z.int().min(1),
  messages: z.array(z.looseObject({ role: z.enum(["user", "assistant"]), content })).min(1),
  system: z.union([text, z.array(z.looseObject({ type: z.literal("text"), text: text.min(1) }))]).optional(),
  temperature: z.number().min(0).max(1).optional(),
  top_p: z.number().optional(),
  stop_sequences: z.array(text).optional(),
  tools: z.array(z.looseObject({ name: text, input_schema: z.looseObject({}).optional() })).optional(),
  tool_choice: z
    .looseObject({
      type: z.enum(["auto", "any", "tool", "none"]),
      name: text.optional(),
      disable_parallel_tool_use: z.boolean().optional(),
    })
    .optional(),
  output_config: z
    .looseObject({ format: z.looseObject({ type: z.literal("json_schema"), schema: z.looseObject({}) }).optional() })
    .optional(),
});
type Block = z.output<typeof block>;
type MessageRequest = z.output<typeof schema>;

/** Anthropic's Messages API (docs.anthropic.com/en/api/messages), as Anthropic and Vertex AI offer it. */
export const messageForm: VendorForm = {
  contentType: eventStream,
  toolNames: /^[a-zA-Z0-9_-]{1,128}$/,
  toChat(body, model) {
    const parsed = schema.safeParse(body);
    if (!parsed.success) throw badRequest(null, z.prettifyError(parsed.error));
    return toChatRequest(parsed.data, model);
  },
  whole: toMessage,
  frames: toFrames,
  streamError: `event: error\ndata: ${JSON.stringify({ type: "error", error: { type: "api_error", message: "Simulated: internal server error" } })}\n\n`,
};

/** The same within Bedrock's frames, each with an event in base64. */
export const invokeForm: VendorForm = {
  ...messageForm,
  contentType: "application/vnd.amazon.eventstream",
  *frames(answer, behaviour) {
    for (const { bytes, ...frame } of toFrames(answer, { ...behaviour, sse: undefined })) {
      const data = String(bytes).split("\ndata: ")[1]?.trim() ?? "{}";
      yield { ...frame, bytes: writeEvent("chunk", { bytes: Buffer.from(data).toString("base64") }) };
    }
  },
  streamError: writeException("internalServerException", "Simulated: the server had an error."),
};

function toChatRequest(request: MessageRequest, model: string): object {
  const { messages, system = [], tools = [], tool_choice: choice, output_config: output } = request;
  const systems = typeof system === "string" ? [{ text: system }] : system;
  const names = { auto: "auto", any: "required", none: "none", tool: toNamedChoice(choice?.name ?? "") };
  return {
    model,
    messages: [
      ...systems.map((part) => ({ role: "system", content: part.text })),
      ...messages.flatMap(({ role, content: said }) => {
        const blocks: Block[] = typeof said === "string" ? [{ type: "text", text: said, input: undefined }] : said;
        return role === "user" ? toUser(blocks) : [toAssistant(blocks)];
      }),
    ],
    ...{ max_tokens: request.max_tokens, temperature: request.temperature, top_p: request.top_p },
    ...{ stop: request.stop_sequences },
    ...(tools.length > 0 && { tools: tools.map((tool) => toChatTool(tool.name, tool.input_schema)) }),
    ...(choice && tools.length > 0 && { tool_choice: names[choice.type] }),
    ...(choice?.disable_parallel_tool_use && { parallel_tool_calls: false }),
    ...(output?.format && { response_format: toChatFormat(output.format.schema) }),
  };
}

function toUser(blocks: readonly Block[]): object[] {
  const results = blocks.flatMap((one) => {
    if (one.type !== "tool_result") return [];
    const told =
      typeof one.content === "string" ? one.content : (one.content ?? []).map((part) => part.text ?? "").join("");
    return [{ role: "tool", tool_call_id: one.tool_use_id ?? "", content: told }];
  });
  const parts = blocks.flatMap((one): object[] => {
    if (one.type === "text") return [{ type: "text", text: one.text ?? "" }];
    if (one.type === "document") return [{ type: "file", file: {} }];
    if (one.type !== "image") return [];
    if (!one.source) throw badRequest(null, "messages.content.image.source: Field required");
    const { media_type: type = "", data = "", url } = one.source;
    return [url === undefined ? toImagePart(type, data) : { type: "image_url", image_url: { url } }];
  });
  return toUserMessages(results, parts);
}

function toAssistant(blocks: readonly Block[]): object {
  const calls = blocks.flatMap((one) =>
    one.type === "tool_use" ? [toChatCall(one.id ?? "", one.name ?? "", one.input)] : [],
  );
  return toAssistantMessage(blocks.map((one) => (one.type === "text" ? (one.text ?? "") : "")).join(""), calls);
}

function toHead({ id, model }: Answer) {
  return { id: `msg_${id}`, type: "message", role: "assistant", model };
}

function toMessage(answer: Answer, behaviour: Behaviour): object {
  const choice = onlyChoice(answer);
  const thought = thoughtOf(answer);
  const said = saidBy(choice.pieces);
  return {
    ...toHead(answer),
    content: [
      ...(thought === "" ? [] : [{ type: "thinking", thinking: thought, signature: thoughtSignature }]),
      ...(said === "" ? [] : [{ type: "text", text: said }]),
      ...callsOf(choice.pieces).map(({ id, name, given }) => ({
        ...{ type: "tool_use", id, name, input: parseInput(given) },
      })),
    ],
    ...{ stop_reason: toStopReason(choice), stop_sequence: null, ...toUsage(answer, behaviour) },
    ...(behaviour.pad_bytes && { simulated_padding: "x".repeat(behaviour.pad_bytes) }),
  };
}

function toStopReason(choice: Choice): string | null {
  if (choice.finishReason === "length") return "max_tokens";
  if (choice.finishReason === "content_filter") return "refusal";
  if (choice.finishReason === null) return null;
  return hasCalls(choice) ? "tool_use" : "end_turn";
}

/** Input leaves out what was read from the cache; what was thought is part of the output. */
function toUsage(answer: Answer, { usage: kind }: Behaviour) {
  if (kind === "none") return {};
  const { prompt_tokens: prompt, completion_tokens: output, ...details } = usageOf(answer, kind);
  const cached = details.prompt_tokens_details.cached_tokens;
  return {
    usage: {
      input_tokens: prompt - cached,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: cached,
      output_tokens: output,
      output_tokens_details: { thinking_tokens: details.completion_tokens_details.reasoning_tokens },
      service_tier: "standard",
    },
  };
}

function* toFrames(answer: Answer, behaviour: Behaviour): Generator<Frame> {
  const choice = onlyChoice(answer);
  const { usage } = toUsage(answer, behaviour);
  const event = (name: string, fields: object, tokens = 0, isEnd = false) =>
    toFrame({ name, data: { type: name, ...fields }, tokens }, behaviour, isEnd);
  const begun = usage && { usage: { ...usage, output_tokens: 0, output_tokens_details: null } };
  const message = { ...toHead(answer), content: [], stop_reason: null, stop_sequence: null, ...begun };
  yield event("message_start", { message });
  yield event("ping", {});
  let index = 0;
  const begin = (block: object, tokens = 0) => event("content_block_start", { index, content_block: block }, tokens);
  const add = (delta: object, tokens = 0) => event("content_block_delta", { index, delta }, tokens);
  const end = () => event("content_block_stop", { index: index++ });
  const thought = thoughtOf(answer);
  if (thought !== "") {
    yield begin({ type: "thinking", thinking: "", signature: "" });
    yield add({ type: "thinking_delta", thinking: thought });
    yield add({ type: "signature_delta", signature: thoughtSignature });
    yield end();
  }
  let open: "text" | "tool_use" | undefined;
  for (const piece of choice.pieces) {
    if (piece.type === "call") {
      if (open) yield end();
      open = "tool_use";
      yield begin({ type: open, id: piece.id, name: piece.name, input: {} }, 1);
    } else if (piece.type === "arguments") yield add({ type: "input_json_delta", partial_json: piece.text }, 1);
    else {
      if (open !== "text") yield begin({ type: "text", text: "" });
      open = "text";
      yield add({ type: "text_delta", text: piece.text }, 1);
    }
  }
  if (open) yield end();
  const delta = { stop_reason: toStopReason(choice), stop_sequence: null };
  const said = usage && {
    usage: { output_tokens: usage.output_tokens, output_tokens_details: usage.output_tokens_details },
  };
  yield event("message_delta", { delta, ...said });
  yield event("message_stop", {}, 0, true);
}
