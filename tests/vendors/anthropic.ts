import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { startVendor, type Vendor } from "./start-vendor.ts";

const signature = "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds";
const usage = {
  ...{ input_tokens: 12, cache_creation_input_tokens: 30, cache_read_input_tokens: 500, output_tokens: 42 },
  cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
  server_tool_use: { web_search_requests: 1 },
};

/** Blocks that chat has no place for, as platform.claude.com/docs shows them (extended thinking, web search, citations). */
export const anthropicContent = [
  { type: "thinking", thinking: "Let me look.", signature },
  { type: "redacted_thinking", data: "EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIwxtE3rAFBa8cr3qpP" },
  { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "weather" } },
  {
    type: "web_search_tool_result",
    tool_use_id: "srvtoolu_1",
    content: [
      { type: "web_search_result", url: "https://example.com/", title: "x", encrypted_content: "EqgfCioIARgB" },
    ],
  },
  {
    type: "text",
    text: "It rains.",
    citations: [{ type: "web_search_result_location", url: "https://example.com/", cited_text: "rain", title: "x" }],
  },
];
const message = {
  id: "msg_013Zva2CMHLNnXjNJJKqJ2EF",
  type: "message",
  role: "assistant",
  model: "claude-sonnet-4-6-20260217",
};
const end = { stop_reason: "end_turn", stop_sequence: null };

/** The same answer as the events of a stream. */
function toEvents() {
  const [thinking, redacted, tool, result, text] = anthropicContent;
  const { server_tool_use, output_tokens, ...input } = usage;
  const block = (index: number, content_block: unknown, ...deltas: object[]) => [
    { type: "content_block_start", index, content_block },
    ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
    { type: "content_block_stop", index },
  ];
  return [
    {
      type: "message_start",
      message: { ...message, content: [], stop_reason: null, usage: { ...input, output_tokens: 1 } },
    },
    { type: "ping" },
    ...block(
      0,
      { ...thinking, thinking: "", signature: "" },
      { type: "thinking_delta", thinking: "Let me look." },
      { type: "signature_delta", signature },
    ),
    ...block(1, redacted),
    ...block(2, { ...tool, input: {} }, { type: "input_json_delta", partial_json: '{"query": "weather"}' }),
    ...block(3, result),
    ...block(
      4,
      { ...text, text: "", citations: [] },
      { type: "text_delta", text: "It rains." },
      { type: "citations_delta", citation: (text?.citations ?? [])[0] },
    ),
    { type: "message_delta", delta: end, usage: { output_tokens, server_tool_use } },
    { type: "message_stop" },
  ];
}

/** Anthropic's API, as far as one answer goes, whole or streamed. Whoever has another key than "a key" is refused. */
export function startAnthropic(t: TestScope): Promise<Vendor> {
  return startVendor(t, ({ headers, bytes }, res) => {
    const isStream = JSON.parse(bytes.toString() || "null")?.stream === true;
    const isKnown = headers["x-api-key"] === "a key";
    res.writeHead(isKnown ? 200 : 401, { "content-type": isStream ? "text/event-stream" : "application/json" });
    if (!isKnown) return res.end(JSON.stringify({ type: "error", error: { type: "authentication_error" } }));
    if (!isStream) return res.end(JSON.stringify({ ...message, content: anthropicContent, ...end, usage }));
    for (const event of toEvents()) res.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    return res.end();
  });
}
