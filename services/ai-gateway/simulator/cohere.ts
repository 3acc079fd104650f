import { z } from "zod";
import { type Answer, type Choice, usageOf } from "./answer.ts";
import type { Call } from "./call.ts";
import { type Frame, sendJson, sendSimulatedError, waitAsAsked } from "./delivery.ts";
import { type Behaviour, parseBehaviour } from "./directives.ts";
import { answerEmbedding } from "./embedding.ts";
import { getModelOf } from "./endpoints.ts";
import { parseJsonObject } from "./requests.ts";
import {
  callsOf,
  eventStream,
  hasCalls,
  onlyChoice,
  saidBy,
  thoughtOf,
  toChatFormat,
  toFrame,
  type VendorForm,
} from "./vendor-form.ts";
import { badRequest } from "./wire-error.ts";

const text = z.string();
const part = z.looseObject({
  type: z.enum(["text", "image_url", "document", "thinking"]),
  text: text.optional(),
  image_url: z.looseObject({ url: text }).optional(),
});
const called = z.looseObject({
  id: text,
  type: z.literal("function"),
  function: z.looseObject({ name: text, arguments: text }),
});
const schema = z.looseObject({
  messages: z
    .array(
      z.looseObject({
        role: z.enum(["system", "user", "assistant", "tool"]),
        content: z.union([text, z.array(part).min(1)]).optional(),
        tool_calls: z.array(called).optional(),
        tool_plan: text.optional(),
        tool_call_id: text.optional(),
      }),
    )
    .min(1),
  stream: z.boolean().optional(),
  max_tokens: z.int().min(1).optional(),
  temperature: z.number().min(0).optional(),
  p: z.number().optional(),
  seed: z.int().optional(),
  stop_sequences: z.array(text).max(5).optional(),
  tools: z
    .array(
      z.looseObject({
        type: z.literal("function"),
        function: z.looseObject({ name: text, parameters: z.looseObject({}) }),
      }),
    )
    .optional(),
  tool_choice: z.enum(["REQUIRED", "NONE"]).optional(),
  response_format: z
    .looseObject({ type: z.enum(["text", "json_object"]), json_schema: z.looseObject({}).optional() })
    .optional(),
});
type Message = z.output<typeof schema>["messages"][number];

const embedSchema = z.looseObject({
  texts: z.array(text).min(1).max(96),
  input_type: z.enum(["search_document", "search_query", "classification", "clustering"]),
  embedding_types: z.array(z.literal("float")).optional(),
  output_dimension: z.int().min(1).max(512).optional(),
});

/** Cohere's Chat, version 2 (docs.cohere.com/reference/chat). */
export const cohereForm: VendorForm = {
  contentType: eventStream,
  toolNames: /^[a-zA-Z_][a-zA-Z0-9_]*$/,
  toChat(body, model) {
    const parsed = schema.safeParse(body);
    if (!parsed.success) throw badRequest(null, z.prettifyError(parsed.error));
    const { messages, tools, tool_choice: choice, response_format: format, ...asked } = parsed.data;
    const shape = format?.json_schema;
    return {
      model,
      messages: messages.map(toChatMessage),
      ...{ max_tokens: asked.max_tokens, temperature: asked.temperature, top_p: asked.p, seed: asked.seed },
      ...{ stop: asked.stop_sequences?.slice(0, 4), tools, tool_choice: choice?.toLowerCase() },
      ...(format && { response_format: shape ? toChatFormat(shape) : { type: format.type } }),
    };
  },
  whole: (answer, behaviour) => {
    const choice = onlyChoice(answer);
    return {
      id: answer.id,
      finish_reason: toFinish(choice),
      message: { role: "assistant", ...toContent(answer, choice), citations: [] },
      ...toUsage(answer, behaviour),
      ...(behaviour.pad_bytes && { simulated_padding: "x".repeat(behaviour.pad_bytes) }),
    };
  },
  frames: toFrames,
  // It ends as any answer does, but for its reason.
  streamError: `data: ${JSON.stringify({ type: "message-end", delta: { finish_reason: "ERROR" } })}\n\n`,
};

/** `POST /v2/embed`. */
export async function serveEmbed(call: Call): Promise<void> {
  const body = parseJsonObject(call.body);
  const model = getModelOf(body, "embedding");
  const parsed = embedSchema.safeParse(body);
  if (!parsed.success) throw badRequest(null, z.prettifyError(parsed.error));
  const { texts, output_dimension: dimensions } = parsed.data;
  const behaviour = call.settle(parseBehaviour(call.directives, texts[0] ?? "", {}));
  const { data, usage } = answerEmbedding({ model: model.name, input: texts, dimensions }, model);
  call.note({ model: model.name, isStream: false, promptTokens: usage.prompt_tokens });
  const outlet = call.open(behaviour);
  await waitAsAsked(outlet);
  if (behaviour.error) return sendSimulatedError(outlet, behaviour.error, call.toError);
  const billed = behaviour.usage === "zero" ? 0 : usage.prompt_tokens;
  await sendJson(outlet, 200, {
    id: call.stamp.id,
    embeddings: { float: data.map(({ embedding }) => embedding) },
    texts,
    meta: {
      api_version: { version: "2" },
      ...(behaviour.usage !== "none" && { billed_units: { input_tokens: billed } }),
    },
    response_type: "embeddings_by_type",
  });
}

function toChatMessage({ role, content, tool_calls: calls, tool_call_id: id }: Message): object {
  if (role === "tool") return { role, tool_call_id: id, content: textOf(content) };
  if (role === "assistant") return { role, content: textOf(content), ...(calls?.length && { tool_calls: calls }) };
  return { role, content: content ?? "" };
}

function textOf(content: Message["content"]): string {
  return typeof content === "string" ? content : (content ?? []).map((one) => one.text ?? "").join("");
}

/** What it thinks before it calls a tool is its plan. */
function toContent(answer: Answer, choice: Choice) {
  const thought = thoughtOf(answer);
  const calls = callsOf(choice.pieces).map(({ id, name, given }) => ({
    ...{ id, type: "function", function: { name, arguments: given } },
  }));
  if (calls.length > 0) return { ...(thought !== "" && { tool_plan: thought }), tool_calls: calls };
  const thinking = thought === "" ? [] : [{ type: "thinking", thinking: thought }];
  return { content: [...thinking, { type: "text", text: saidBy(choice.pieces) }] };
}

function toFinish(choice: Choice): string | null {
  if (choice.finishReason === "length") return "MAX_TOKENS";
  if (choice.finishReason === "content_filter") return "ERROR_TOXIC";
  if (choice.finishReason === null) return null;
  return hasCalls(choice) ? "TOOL_CALL" : "COMPLETE";
}

/** `tokens` counts what Cohere itself adds to a prompt, which is not billed. */
function toUsage(answer: Answer, { usage: kind }: Behaviour) {
  if (kind === "none") return {};
  const { prompt_tokens: input, completion_tokens: output } = usageOf(answer, kind);
  const added = kind === "zero" ? 0 : 80;
  return {
    usage: {
      billed_units: { input_tokens: input, output_tokens: output },
      tokens: { input_tokens: input + added, output_tokens: output },
    },
  };
}

function* toFrames(answer: Answer, behaviour: Behaviour): Generator<Frame> {
  const choice = onlyChoice(answer);
  const event = (type: string, fields: object, tokens = 0, isEnd = false) =>
    toFrame({ name: type, data: { type, ...fields }, tokens }, behaviour, isEnd);
  const message = (fields: object) => ({ delta: { message: fields } });
  const empty = { role: "assistant", content: [], tool_plan: "", tool_calls: [], citations: [] };
  yield event("message-start", { id: answer.id, ...message(empty) });
  const thought = thoughtOf(answer);
  let index = 0;
  let open = "";
  if (thought !== "" && hasCalls(choice)) yield event("tool-plan-delta", message({ tool_plan: thought }));
  else if (thought !== "") {
    yield event("content-start", { index, ...message({ content: { type: "thinking", thinking: "" } }) });
    yield event("content-delta", { index, ...message({ content: { thinking: thought } }) });
    yield event("content-end", { index: index++ });
  }
  for (const piece of choice.pieces) {
    if (piece.type === "call") {
      if (open !== "") yield event(open, { index: index++ });
      open = "tool-call-end";
      const call = { id: piece.id, type: "function", function: { name: piece.name, arguments: "" } };
      yield event("tool-call-start", { index, ...message({ tool_calls: call }) }, 1);
    } else if (piece.type === "arguments") {
      const given = { function: { arguments: piece.text } };
      yield event("tool-call-delta", { index, ...message({ tool_calls: given }) }, 1);
    } else {
      if (open === "") yield event("content-start", { index, ...message({ content: { type: "text", text: "" } }) });
      open = "content-end";
      yield event("content-delta", { index, ...message({ content: { text: piece.text } }) }, 1);
    }
  }
  if (open !== "") yield event(open, { index });
  yield event("message-end", { delta: { finish_reason: toFinish(choice), ...toUsage(answer, behaviour) } }, 0, true);
}
