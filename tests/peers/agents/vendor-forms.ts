// biome-ignore-all lint/suspicious/noExplicitAny: bodies are taken as the vendors' documentation shows them.

/** What a vendor is asked, as far as its answer goes by it. */
export interface Heard {
  readonly model: string;
  /** What the user said last. */
  readonly asks: string;
  /** What the last tool gave, where that is what is to be answered. */
  readonly result: string | undefined;
  readonly tools: readonly string[];
}

/** What a vendor answers: a text in pieces, or a call of a tool. */
export type Reply =
  | { readonly say: readonly string[] }
  | { readonly call: string; readonly given: Readonly<Record<string, unknown>> };

/** How one vendor's API is spoken, as far as streams go. */
export interface VendorForm {
  readonly dialect: "openai" | "responses" | "anthropic" | "gemini";
  readonly keyHeader: string;
  hear(body: any, path: string): Heard;
  /** The bytes of the stream. */
  tell(reply: Reply, body: any): string;
}

const json = (value: unknown) => JSON.stringify(value);
const data = (value: unknown) => `data: ${json(value)}\n\n`;
const named = (value: any) => `event: ${value.type}\n${data(value)}`;
const textOf = (content: any): string =>
  typeof content === "string" ? content : (content ?? []).map((part: any) => part.text ?? "").join("\n");

/** developers.openai.com/api/reference/resources/chat */
const openai: VendorForm = {
  ...{ dialect: "openai", keyHeader: "authorization" },
  hear({ model, messages, tools = [] }) {
    const last = messages.findLast(({ role }: any) => role === "tool" || role === "user");
    return {
      ...{ model, asks: textOf(messages.findLast(({ role }: any) => role === "user")?.content) },
      result: last?.role === "tool" ? textOf(last.content) : undefined,
      tools: tools.map((tool: any) => tool.function.name),
    };
  },
  tell(reply) {
    const chunk = (delta: object, finish_reason: string | null = null) =>
      data({
        ...{ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m" },
        choices: [{ index: 0, delta, finish_reason }],
      });
    const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
    const said =
      "say" in reply
        ? reply.say.map((content) => chunk({ content })).join("") + chunk({}, "stop")
        : chunk({
            tool_calls: [
              {
                index: 0,
                id: "call_1",
                type: "function",
                function: { name: reply.call, arguments: json(reply.given) },
              },
            ],
          }) + chunk({}, "tool_calls");
    return `${chunk({ role: "assistant" })}${said}${data({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m", choices: [], usage })}data: [DONE]\n\n`;
  },
};

/** Tools of a Responses request, those that its conversation brings, too, by the names that they are called by. */
function listResponseTools({
  tools = [],
  input,
}: any): Map<string, { type: string; name: string; namespace?: string }> {
  const brought = input.flatMap((item: any) => (item.type === "additional_tools" ? item.tools : []));
  const flat = [...tools, ...brought].flatMap((tool: any) =>
    tool.type === "namespace" ? tool.tools.map((inner: any) => ({ ...inner, namespace: tool.name })) : [tool],
  );
  return new Map(flat.map((tool: any) => [tool.namespace ? `${tool.namespace}.${tool.name}` : tool.name, tool]));
}

/** developers.openai.com/api/reference/resources/responses */
const responses: VendorForm = {
  ...{ dialect: "responses", keyHeader: "authorization" },
  hear(body) {
    const { model, input } = body;
    const last = input.findLast(({ type, role }: any) => /_output$/.test(type) || role === "user");
    return {
      ...{ model, asks: textOf(input.findLast(({ role }: any) => role === "user")?.content) },
      result: last && last.role !== "user" ? textOf(last.output) : undefined,
      tools: [...listResponseTools(body).keys()],
    };
  },
  tell(reply, body) {
    let sequence_number = 0;
    const event = (type: string, fields: object) => named({ type, ...fields, sequence_number: sequence_number++ });
    const base = { id: "resp_1", object: "response", created_at: 1, model: "m" };
    const usage = {
      ...{ input_tokens: 10, output_tokens: 5, total_tokens: 15 },
      ...{ input_tokens_details: { cached_tokens: 0 }, output_tokens_details: { reasoning_tokens: 0 } },
    };
    const item = toResponseItem(reply, body);
    const begun =
      item.type === "message" ? { ...item, content: [], status: "in_progress" } : { ...item, status: "in_progress" };
    const place = { item_id: item.id, output_index: 0, content_index: 0 };
    const pieces = "say" in reply ? reply.say : [];
    return [
      event("response.created", { response: { ...base, status: "in_progress", output: [] } }),
      event("response.output_item.added", { output_index: 0, item: begun }),
      ...pieces.map((delta) => event("response.output_text.delta", { ...place, delta, logprobs: [] })),
      event("response.output_item.done", { output_index: 0, item }),
      event("response.completed", { response: { ...base, status: "completed", output: [item], usage } }),
    ].join("");
  },
};

function toResponseItem(reply: Reply, body: any): any {
  if ("say" in reply) {
    const content = [{ type: "output_text", text: reply.say.join(""), annotations: [], logprobs: [] }];
    return { id: "msg_1", type: "message", status: "completed", role: "assistant", content };
  }
  const { type, name, namespace } = listResponseTools(body).get(reply.call) ?? { type: "function", name: reply.call };
  const call = { status: "completed", call_id: "call_1", name, ...(namespace !== undefined && { namespace }) };
  return type === "custom"
    ? { id: "ctc_1", type: "custom_tool_call", ...call, input: reply.given["input"] }
    : { id: "fc_1", type: "function_call", ...call, arguments: json(reply.given) };
}

/** platform.claude.com/docs/en/api/messages-streaming */
const anthropic: VendorForm = {
  ...{ dialect: "anthropic", keyHeader: "x-api-key" },
  hear({ model, messages, tools = [] }) {
    const { content } = messages.findLast(({ role }: any) => role === "user");
    const results = Array.isArray(content) ? content.filter(({ type }: any) => type === "tool_result") : [];
    return {
      ...{ model, asks: textOf(content) },
      result: results.length > 0 ? results.map((result: any) => textOf(result.content)).join("\n") : undefined,
      tools: tools.map(({ name }: any) => name),
    };
  },
  tell(reply) {
    const usage = { input_tokens: 10, output_tokens: 5 };
    const isText = "say" in reply;
    const message = {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "m",
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage,
    };
    const block = isText
      ? { type: "text", text: "" }
      : { type: "tool_use", id: "toolu_1", name: reply.call, input: {} };
    const deltas = isText
      ? reply.say.map((text) => ({ type: "text_delta", text }))
      : [{ type: "input_json_delta", partial_json: json(reply.given) }];
    return [
      { type: "message_start", message },
      { type: "content_block_start", index: 0, content_block: block },
      ...deltas.map((delta) => ({ type: "content_block_delta", index: 0, delta })),
      { type: "content_block_stop", index: 0 },
      { type: "message_delta", delta: { stop_reason: isText ? "end_turn" : "tool_use", stop_sequence: null }, usage },
      { type: "message_stop" },
    ]
      .map(named)
      .join("");
  },
};

/** ai.google.dev/api/generate-content */
const gemini: VendorForm = {
  ...{ dialect: "gemini", keyHeader: "x-goog-api-key" },
  hear({ contents, tools = [] }, path) {
    const { parts } = contents.findLast(({ role }: any) => role !== "model");
    const results = parts.filter((part: any) => part.functionResponse);
    return {
      ...{ model: /models\/([^:]+):/.exec(path)?.[1] ?? "", asks: textOf(parts) },
      result:
        results.length > 0 ? results.map((part: any) => json(part.functionResponse.response)).join("\n") : undefined,
      tools: tools.flatMap(({ functionDeclarations = [] }: any) => functionDeclarations.map(({ name }: any) => name)),
    };
  },
  tell(reply) {
    const usageMetadata = { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 };
    const chunk = (part: object, more: object = {}) =>
      data({
        candidates: [{ index: 0, content: { role: "model", parts: [part] }, ...more }],
        usageMetadata,
        modelVersion: "m",
      });
    if (!("say" in reply)) {
      return chunk({ functionCall: { name: reply.call, args: reply.given } }, { finishReason: "STOP" });
    }
    return reply.say
      .map((text, at) => chunk({ text }, at === reply.say.length - 1 ? { finishReason: "STOP" } : {}))
      .join("");
  },
};

export const vendorForms: readonly VendorForm[] = [openai, responses, anthropic, gemini];
