import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { describeDistorted } from "../describe-distorted.ts";
import { inputOf, readResponseRequest, toCallRequest, toPlacedItems } from "./response-request.ts";
import { readTools } from "./response-tools.ts";
import { createResponseWriter } from "./responses.ts";

type Json = Record<string, unknown>;

const facts = { callId: "call_01", requestId: "req_01", upstreamModel: "m", startedAtMs: 0, maxKeptLength: 1_000_000 };
const none = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };
const grammar = { type: "grammar", syntax: "lark", definition: "start: LINE+" };
const patch = { type: "custom", name: "apply_patch", description: "Edits files.", format: grammar };
const wait = { type: "function", name: "wait", description: "Waits.", parameters: { type: "object" }, strict: false };
const agents = { type: "namespace", name: "agents", description: "Work with agents.", tools: [wait, patch] };
const search = {
  type: "tool_search",
  execution: "client",
  description: "Finds tools.",
  parameters: { type: "object" },
};

function open(asked: object) {
  const read = readResponseRequest(Buffer.from(JSON.stringify({ model: "m", input: "hi", ...asked })));
  const input = inputOf(read, "p");
  const { told } = readTools(read.json, toPlacedItems([], input));
  const chat = () => JSON.parse(toCallRequest(read, [], input).body.toString());
  return { chat, writer: () => createResponseWriter(read, facts, async () => true, told) };
}

/** The function that is asked of chat for each tool, without the object around it. */
function functionsOf(chat: Json): Json[] {
  return (chat["tools"] as { function: Json }[]).map((tool) => tool.function);
}

function callOf(name: string, args: string) {
  return { index: 0, id: "a", type: "function", function: { name, arguments: args } };
}

async function tellWhole(asked: object, name: string, args: string): Promise<Json> {
  const message = { role: "assistant", content: null, tool_calls: [callOf(name, args)] };
  const json = { choices: [{ index: 0, message, finish_reason: "tool_calls" }] };
  return JSON.parse((await open(asked).writer().whole(Buffer.alloc(0), json, none)).toString()).output[0];
}

async function tellStream(asked: object, name: string, pieces: readonly string[]): Promise<Json[]> {
  const writer = open(asked).writer();
  const event = { raw: Buffer.alloc(0), data: "" };
  const deltas = [callOf(name, ""), ...pieces.map((text) => ({ index: 0, function: { arguments: text } }))];
  const chunks = deltas.map((call) => ({ choices: [{ index: 0, delta: { tool_calls: [call] } }] }));
  const text = chunks.map((chunk) => writer.event(event, chunk)?.toString() ?? "").join("");
  const all = text + (await writer.end(none)).toString();
  return [...all.matchAll(/^data: (.+)$/gm)].map(([, data = ""]) => JSON.parse(data));
}

test("a tool that takes a text is a function with that argument, and its grammar is told", async () => {
  const asked = { tools: [patch], tool_choice: { type: "custom", name: "apply_patch" } };
  const chat = open(asked).chat();
  const [told = {}] = functionsOf(chat);
  assert.equal(told["description"], "Edits files.\n\nIts input keeps to this lark grammar:\nstart: LINE+");
  assert.deepEqual((told["parameters"] as Json)["required"], ["input"]);
  assert.deepEqual(chat.tool_choice, { type: "function", function: { name: "apply_patch" } });

  const item = { type: "custom_tool_call", status: "completed", call_id: "a", name: "apply_patch", input: "*** a\n" };
  const { id, ...whole } = await tellWhole(asked, "apply_patch", '{"input":"*** a\\n"}');
  assert.deepEqual([whole, /^ctc_/.test(String(id))], [item, true]);
  const events = await tellStream(asked, "apply_patch", ['{"inp', 'ut":"*** a\\n"}']);
  const own = events.filter(({ type }) => /custom|function|item/.test(String(type)));
  assert.deepEqual(
    own.map(({ type, delta, input }) => [type, delta ?? input]),
    [
      ["response.output_item.added", undefined],
      ["response.custom_tool_call_input.delta", "*** a\n"],
      ["response.custom_tool_call_input.done", "*** a\n"],
      ["response.output_item.done", undefined],
    ],
  );
  assert.deepEqual(own.at(-1)?.["item"], { id, ...item });
});

test("what a model wrote in place of the argument is the text", async () => {
  assert.equal((await tellWhole({ tools: [patch] }, "apply_patch", "*** a"))["input"], "*** a");
});

test("a tool of a namespace bears its name in chat, and is told with both", async () => {
  const asked = { tools: [agents] };
  assert.deepEqual(
    functionsOf(open(asked).chat()).map(({ name, description }) => [name, String(description).split("\n")[0]]),
    [
      ["agents.wait", "Work with agents."],
      ["agents.apply_patch", "Edits files."],
    ],
  );
  const { id: _, ...item } = await tellWhole(asked, "agents.wait", "{}");
  const call = { type: "function_call", status: "completed", call_id: "a" };
  assert.deepEqual(item, { ...call, name: "wait", namespace: "agents", arguments: "{}" });
  const { namespace, input } = await tellWhole(asked, "agents.apply_patch", '{"input":"x"}');
  assert.deepEqual([namespace, input], ["agents", "x"]);
});

test("tools that a conversation brings may be called, and what was called before is told", () => {
  const input = [
    { type: "additional_tools", role: "developer", tools: [agents] },
    // What Codex notes for itself at OpenAI.
    { role: "user", content: "Go.", internal_chat_message_metadata_passthrough: { turn_id: "t" } },
    { type: "custom_tool_call", call_id: "a", name: "apply_patch", namespace: "agents", input: "x" },
    { type: "function_call", call_id: "b", name: "wait", namespace: "agents", arguments: "{}" },
    { type: "custom_tool_call_output", call_id: "a", output: "Done." },
    { type: "function_call_output", call_id: "b", output: "Waited." },
  ];
  const chat = open({ input, client_metadata: { session: "s" }, reasoning: { context: "all_turns" } }).chat();
  const toCall = (id: string, name: string, text: string) => ({
    ...{ id, type: "function", function: { name, arguments: text } },
  });
  assert.deepEqual(functionsOf(chat).length, 2);
  assert.deepEqual(chat.messages, [
    { role: "user", content: "Go." },
    {
      ...{ role: "assistant", content: null },
      tool_calls: [toCall("a", "agents.apply_patch", '{"input":"x"}'), toCall("b", "agents.wait", "{}")],
    },
    { role: "tool", tool_call_id: "a", content: "Done." },
    { role: "tool", tool_call_id: "b", content: "Waited." },
  ]);
});

test("a deferred tool is shown once a search that the caller ran has found it", async () => {
  const deferred = { ...wait, name: "deploy", defer_loading: true };
  const namesOf = (asked: object) => functionsOf(open(asked).chat()).map(({ name }) => name);
  const tools = [search, deferred];
  assert.deepEqual(namesOf({ tools }), ["tool_search"]);
  const { id: _, ...call } = await tellWhole({ tools }, "tool_search", '{"query":"deploy"}');
  const found = { ...call, arguments: { query: "deploy" } };
  assert.deepEqual(call, {
    ...{ type: "tool_search_call", status: "completed", call_id: "a", execution: "client" },
    arguments: { query: "deploy" },
  });
  const output = { type: "tool_search_output", call_id: "a", execution: "client", tools: [deferred] };
  const asked = { tools, input: [{ role: "user", content: "Go." }, found, output] };
  assert.deepEqual(namesOf(asked), ["tool_search", "deploy"]);
  const result = "These tools can be called now: deploy";
  assert.deepEqual(open(asked).chat().messages.at(-1), { role: "tool", tool_call_id: "a", content: result });
  const nothing = { ...output, tools: [] };
  assert.equal(
    open({ ...asked, input: [found, nothing] })
      .chat()
      .messages.at(-1).content,
    "No tool was found.",
  );
});

test("tools that run at OpenAI are refused wherever they stand, and the place is named", () => {
  const web = { type: "web_search" };
  for (const [asked, param] of [
    [{ tools: [web] }, "tools[0].type"],
    [{ tools: [{ ...agents, tools: [wait, web] }] }, "tools[0].tools[1].type"],
    [{ tools: [{ ...search, execution: "server" }] }, "tools[0].execution"],
    [{ input: [{ type: "additional_tools", role: "developer", tools: [web] }] }, "input[0].tools[0].type"],
  ] as const) {
    assert.throws(
      () => open(asked).chat(),
      (err) => isFailure(err) && err.details["param"] === param,
      param,
    );
  }
});

const told = [
  { type: "custom_tool_call", call_id: "a", name: "apply_patch", namespace: "agents", input: "x" },
  { type: "custom_tool_call_output", call_id: "a", output: "Done." },
  { type: "tool_search_call", call_id: "b", execution: "client", arguments: { query: "x" } },
  { type: "tool_search_output", call_id: "b", execution: "client", tools: [wait] },
];
describeDistorted(
  "tools of the Responses API",
  [{ model: "m", input: told, tools: [patch, agents, search] }],
  (asked) => {
    const read = readResponseRequest(Buffer.from(JSON.stringify(asked) ?? ""));
    toCallRequest(read, [], inputOf(read, "p"));
  },
);
