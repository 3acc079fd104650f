import { z } from "zod";
import { type Answer, type Choice, usageOf } from "./answer.ts";
import type { Call } from "./call.ts";
import { type Frame, sendJson } from "./delivery.ts";
import type { Behaviour } from "./directives.ts";
import { parseJsonObject } from "./requests.ts";
import { countSimulatedPrompt } from "./tokenizer.ts";
import {
  callsOf,
  eventStream,
  onlyChoice,
  saidBy,
  serveForm,
  thoughtOf,
  thoughtSignature,
  toAssistantMessage,
  toChatTool,
  toFrame,
  toNamedChoice,
  type VendorForm,
} from "./vendor-form.ts";
import { badRequest } from "./wire-error.ts";

const text = z.string();
const part = z.discriminatedUnion("type", [
  z.looseObject({ type: z.enum(["input_text", "output_text"]), text }),
  z.looseObject({ type: z.literal("refusal"), refusal: text }),
  z.looseObject({ type: z.literal("input_image"), image_url: text.min(1) }),
  z.looseObject({ type: z.literal("input_file"), file_data: text }),
]);
type Part = z.output<typeof part>;
const content = z.union([text, z.array(part)]);
const item = z.union([
  z.looseObject({
    type: z.literal("message").optional(),
    role: z.enum(["user", "assistant", "system", "developer"]),
    content,
  }),
  z.looseObject({ type: z.literal("function_call"), call_id: text.min(1), name: text, arguments: text }),
  z.looseObject({ type: z.literal("function_call_output"), call_id: text.min(1), output: content }),
  // Of what was thought only what is sealed can be told again: nothing is kept.
  z.looseObject({ type: z.literal("compaction"), encrypted_content: text.min(1) }),
  z.looseObject({ type: z.literal("reasoning"), summary: z.array(z.looseObject({})), encrypted_content: text.min(1) }),
]);
type Item = z.output<typeof item>;

const schema = z.looseObject({
  model: text,
  input: z.union([text, z.array(item).min(1)]),
  instructions: text.nullish(),
  stream: z.boolean().nullish(),
  store: z.literal(false, "nothing is kept: ask with store=false"),
  include: z.array(text).nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  metadata: z.record(text, text).nullish(),
  reasoning: z.looseObject({ summary: text.nullish() }).nullish(),
  tools: z
    .array(
      z.looseObject({ type: z.literal("function"), name: text, parameters: z.looseObject({}), strict: z.boolean() }),
    )
    .nullish(),
  tool_choice: z
    .union([z.enum(["none", "auto", "required"]), z.looseObject({ type: z.literal("function"), name: text })])
    .nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  text: z
    .looseObject({
      format: z.looseObject({ type: z.enum(["text", "json_object", "json_schema"]), name: text.optional() }).optional(),
    })
    .nullish(),
});
type ResponseRequest = z.output<typeof schema>;

/** OpenAI's Responses API (developers.openai.com/api/reference/resources/responses), for who keeps conversations elsewhere. */
export async function serveResponse(call: Call): Promise<void> {
  const request = read(parseJsonObject(call.body));
  await serveForm(call, createForm(request), request.model, request.stream === true);
}

/** `POST /v1/responses/input_tokens`. */
export async function serveInputTokens(call: Call): Promise<void> {
  const request = read({ ...parseJsonObject(call.body), store: false });
  const { messages, tools } = toChatRequest(request, request.model);
  const input_tokens = countSimulatedPrompt(messages, tools);
  await sendJson(call.open({}), 200, { object: "response.input_tokens", input_tokens });
}

/** `POST /v1/responses/compact`: what was said by users stays, and what was answered is told in an item that only this vendor reads. */
export async function serveCompaction(call: Call): Promise<void> {
  const request = read({ ...parseJsonObject(call.body), store: false });
  const form = createForm(request);
  const users = itemsOf(request).filter((one) => one.type !== "compaction" && "role" in one && one.role === "user");
  const whole: VendorForm["whole"] = (answer, behaviour) => {
    const told = Buffer.from(saidBy(onlyChoice(answer).pieces)).toString("base64");
    const output = [...users, { id: `cmp_${answer.id}`, type: "compaction", encrypted_content: told }];
    const { id, created } = answer;
    const head = { id: `resp_${id}`, object: "response.compaction", created_at: created };
    return { ...head, output, ...toUsage(answer, behaviour) };
  };
  await serveForm(call, { ...form, whole }, request.model, false);
}

function read(body: object): ResponseRequest {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw badRequest(issue?.path.join(".") || null, z.prettifyError(parsed.error));
}

function itemsOf({ input }: ResponseRequest): readonly Item[] {
  return typeof input === "string" ? [{ role: "user", content: input }] : input;
}

function createForm(request: ResponseRequest): VendorForm {
  return {
    contentType: eventStream,
    toChat: (_body, model) => toChatRequest(request, model),
    whole: (answer, behaviour) => toResponse(request, answer, behaviour),
    frames: (answer, behaviour) => toFrames(request, answer, behaviour),
    streamError: `event: error\ndata: ${JSON.stringify({ type: "error", code: "server_error", message: "Simulated: internal server error", param: null })}\n\n`,
  };
}

function toChatRequest(request: ResponseRequest, model: string) {
  const { instructions, tools, tool_choice: choice, text: asked } = request;
  const items = itemsOf(request);
  const format = asked?.format;
  const { type, ...named } = format ?? { type: "text" };
  return {
    model,
    messages: [...(instructions ? [{ role: "system", content: instructions }] : []), ...toMessages(items)],
    ...{ max_tokens: request.max_output_tokens, temperature: request.temperature, top_p: request.top_p },
    ...(tools && tools.length > 0 && { tools: tools.map(({ name, parameters }) => toChatTool(name, parameters)) }),
    ...(choice && tools && { tool_choice: typeof choice === "string" ? choice : toNamedChoice(choice.name) }),
    ...(tools && request.parallel_tool_calls === false && { parallel_tool_calls: false }),
    ...(type !== "text" && { response_format: type === "json_object" ? { type } : { type, json_schema: named } }),
    ...(request.metadata && { metadata: request.metadata }),
  };
}

/** Calls stand beside what was said before them. */
function toMessages(items: readonly Item[]): object[] {
  const messages: object[] = [];
  let said: { text: string; calls: object[] } | undefined;
  const close = () => {
    if (said) messages.push(toAssistantMessage(said.text, said.calls));
    said = undefined;
  };
  for (const one of items) {
    if (one.type === "reasoning") continue;
    if (one.type === "compaction") {
      close();
      messages.push({ role: "system", content: Buffer.from(one.encrypted_content, "base64").toString("utf8") });
      continue;
    }
    if (one.type === "function_call") {
      said ??= { text: "", calls: [] };
      said.calls.push({ id: one.call_id, type: "function", function: { name: one.name, arguments: one.arguments } });
    } else if (one.type === "function_call_output") {
      close();
      messages.push({ role: "tool", tool_call_id: one.call_id, content: toSaid(one.output) });
    } else if (one.role === "assistant") {
      close();
      said = { text: toSaid(one.content), calls: [] };
    } else {
      close();
      messages.push({
        role: one.role,
        content: typeof one.content === "string" ? one.content : one.content.map(toPart),
      });
    }
  }
  close();
  return messages;
}

function toSaid(value: string | readonly Part[]): string {
  if (typeof value === "string") return value;
  return value.map((one) => (one.type === "refusal" ? one.refusal : "text" in one ? String(one.text) : "")).join("");
}

function toPart(one: Part): object {
  if (one.type === "input_image") return { type: "image_url", image_url: { url: one.image_url } };
  if (one.type === "input_file") return { type: "file", file: {} };
  return { type: "text", text: toSaid([one]) };
}

interface Ended {
  readonly status: "completed" | "incomplete" | "in_progress";
  readonly incomplete_details: { readonly reason: string } | null;
}

function toEnd({ finishReason }: Choice): Ended {
  if (finishReason === null) return { status: "in_progress", incomplete_details: null };
  if (finishReason === "length") return { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } };
  if (finishReason === "content_filter") {
    return { status: "incomplete", incomplete_details: { reason: "content_filter" } };
  }
  return { status: "completed", incomplete_details: null };
}

function toHead(request: ResponseRequest, { id, created, model }: Answer) {
  return {
    ...{ id: `resp_${id}`, object: "response", created_at: created, model, error: null, store: false },
    ...{ instructions: request.instructions ?? null, metadata: request.metadata ?? {}, service_tier: "default" },
    ...{ previous_response_id: null, tools: request.tools ?? [], tool_choice: request.tool_choice ?? "auto" },
    ...{ text: request.text ?? { format: { type: "text" } }, parallel_tool_calls: request.parallel_tool_calls ?? true },
  };
}

function toResponse(request: ResponseRequest, answer: Answer, behaviour: Behaviour): object {
  const choice = onlyChoice(answer);
  return {
    ...toHead(request, answer),
    ...toEnd(choice),
    output: toItems(request, answer, toEnd(choice).status),
    ...toUsage(answer, behaviour),
    ...(behaviour.pad_bytes && { simulated_padding: "x".repeat(behaviour.pad_bytes) }),
  };
}

/** What it thought, said and called, each an item. A thought is summed up for who asks, and sealed for who asks. */
function toItems(request: ResponseRequest, answer: Answer, status: string): object[] {
  const { pieces } = onlyChoice(answer);
  const thought = thoughtOf(answer);
  const said = saidBy(pieces);
  const { id } = answer;
  const isShown = Boolean(request.reasoning?.summary);
  const isSealed = request.include?.includes("reasoning.encrypted_content");
  const reasoning = {
    ...{ id: `rs_${id}`, type: "reasoning" },
    summary: isShown ? [{ type: "summary_text", text: thought }] : [],
    ...(isSealed && { encrypted_content: thoughtSignature }),
  };
  const told = [{ type: "output_text", text: said, annotations: [], logprobs: [] }];
  const calls = callsOf(pieces);
  return [
    ...(thought === "" ? [] : [reasoning]),
    ...(said === "" && calls.length > 0
      ? []
      : [{ id: `msg_${id}`, type: "message", status, role: "assistant", content: told }]),
    ...calls.map((call, n) => ({
      ...{ id: `fc_${id}_${n}`, type: "function_call", status },
      ...{ call_id: call.id, name: call.name, arguments: call.given },
    })),
  ];
}

function toUsage(answer: Answer, { usage: kind }: Behaviour) {
  if (kind === "none") return { usage: null };
  const { prompt_tokens: input, completion_tokens: output, total_tokens, ...details } = usageOf(answer, kind);
  return {
    usage: {
      input_tokens: input,
      input_tokens_details: { cached_tokens: details.prompt_tokens_details.cached_tokens },
      output_tokens: output,
      output_tokens_details: { reasoning_tokens: details.completion_tokens_details.reasoning_tokens },
      total_tokens,
    },
  };
}

interface Writing {
  readonly answer: Answer;
  readonly event: (name: string, fields: object, tokens?: number, isEnd?: boolean) => Frame;
}
/** An item of the output, and its number. */
interface Placed {
  readonly item: Readonly<Record<string, unknown>>;
  readonly output_index: number;
}

function* toFrames(request: ResponseRequest, answer: Answer, behaviour: Behaviour): Generator<Frame> {
  let sequence = 0;
  const event: Writing["event"] = (name, fields, tokens = 0, isEnd = false) =>
    toFrame({ name, data: { type: name, sequence_number: sequence++, ...fields }, tokens }, behaviour, isEnd);
  const begun = {
    ...toHead(request, answer),
    status: "in_progress",
    incomplete_details: null,
    output: [],
    usage: null,
  };
  yield event("response.created", { response: begun });
  yield event("response.in_progress", { response: begun });
  const whole = toResponse(request, answer, behaviour) as {
    readonly output: Placed["item"][];
    readonly status: string;
  };
  for (const [output_index, item] of whole.output.entries()) {
    const writers = { reasoning: writeThought, message: writeText, function_call: writeCall };
    yield* writers[item["type"] as keyof typeof writers]({ answer, event }, { item, output_index });
    yield event("response.output_item.done", { output_index, item });
  }
  // An answer that never ends has no event for it.
  if (whole.status !== "in_progress") yield event(`response.${whole.status}`, { response: whole }, 0, true);
}

function* writeThought({ event }: Writing, { item, output_index }: Placed): Generator<Frame> {
  yield event("response.output_item.added", { output_index, item: { ...item, summary: [] } });
  for (const summary of item["summary"] as { readonly text: string }[]) {
    const at = { item_id: item["id"], output_index, summary_index: 0 };
    yield event("response.reasoning_summary_part.added", { ...at, part: { ...summary, text: "" } });
    yield event("response.reasoning_summary_text.delta", { ...at, delta: summary.text });
    yield event("response.reasoning_summary_text.done", { ...at, text: summary.text });
    yield event("response.reasoning_summary_part.done", { ...at, part: summary });
  }
}

function* writeText({ event, answer }: Writing, { item, output_index }: Placed): Generator<Frame> {
  const { pieces } = onlyChoice(answer);
  const at = { item_id: item["id"], output_index, content_index: 0 };
  const part = { type: "output_text", text: "", annotations: [], logprobs: [] };
  yield event("response.output_item.added", { output_index, item: { ...item, status: "in_progress", content: [] } });
  yield event("response.content_part.added", { ...at, part });
  for (const piece of pieces) {
    if (piece.type === "text") yield event("response.output_text.delta", { ...at, delta: piece.text, logprobs: [] }, 1);
  }
  yield event("response.output_text.done", { ...at, text: saidBy(pieces), logprobs: [] });
  yield event("response.content_part.done", { ...at, part: { ...part, text: saidBy(pieces) } });
}

function* writeCall({ event, answer }: Writing, { item, output_index }: Placed): Generator<Frame> {
  const { pieces } = onlyChoice(answer);
  const calls = pieces.flatMap((piece) => (piece.type === "call" ? [piece] : []));
  const number = calls.find(({ id }) => id === item["call_id"])?.call;
  const place = { item_id: item["id"], output_index };
  yield event(
    "response.output_item.added",
    { output_index, item: { ...item, status: "in_progress", arguments: "" } },
    1,
  );
  for (const piece of pieces) {
    if (piece.type !== "arguments" || piece.call !== number) continue;
    yield event("response.function_call_arguments.delta", { ...place, delta: piece.text }, 1);
  }
  yield event("response.function_call_arguments.done", { ...place, name: item["name"], arguments: item["arguments"] });
}
