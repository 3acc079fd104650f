import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { describeDistorted } from "../describe-distorted.ts";
import { parseExact } from "../exact-json.ts";
import { readUsage } from "../openai/usage.ts";
import { drawFrom, randomChat, writeStream } from "../random-chat.ts";
import { readMessageRequest, readRequestToCount } from "./message-request.ts";
import { askInAnthropic } from "./messages.ts";

type Json = Record<string, unknown>;

const facts = { callId: "call_01", requestId: "req_01", upstreamModel: "m", startedAtMs: 0, maxKeptLength: 1_000_000 };
const openAi = { dialect: "openai", source: "config", serverTools: false } as const;
const plain = { model: "alias", max_tokens: 100, messages: [{ role: "user", content: "hi" }], stop_sequences: ["END"] };

function goldenCases(name: string): Json[] {
  return parseExact(readFileSync(new URL(`golden/${name}.json`, import.meta.url), "utf8")) as Json[];
}

function writerFor(asked: object, more: Partial<typeof facts> = {}) {
  const body = Buffer.from(JSON.stringify({ ...plain, ...asked }));
  return askInAnthropic(body)
    .readFor(openAi)
    .createWriter({ ...facts, ...more });
}

function eventsOf(text: string): Json[] {
  return text.split(/(?<=\n\n)/).map((event) => {
    const [, type, data] = /^event: (\w+)\ndata: (.+)\n\n$/.exec(event) ?? [];
    const json = JSON.parse(data ?? assert.fail(event));
    assert.equal(json.type, type);
    return json;
  });
}

for (const { what, asked, chat, limit, showsThinking } of goldenCases("requests")) {
  test(`a request in chat's form: ${what}`, () => {
    const read = readMessageRequest(asked as Json);
    assert.equal(read.request.body.toString(), JSON.stringify(chat));
    assert.deepEqual(read.request.outputLimit, { field: undefined, tokens: limit });
    assert.equal(read.showsThinking, showsThinking);
  });
}

for (const { what, asked, answered, message } of goldenCases("answers")) {
  test(`a whole answer as a message: ${what}`, async () => {
    const tokens = readUsage(answered) ?? assert.fail("no usage");
    const bytes = await writerFor(asked as object).whole(Buffer.alloc(0), answered, tokens);
    assert.equal(bytes.toString(), JSON.stringify(message));
  });
}

for (const { what, chunks, events } of goldenCases("streams")) {
  test(`a stream as a message's events: ${what}`, async () => {
    const writer = writerFor({});
    let text = "";
    for (const chunk of chunks as Json[])
      text += writer.event({ raw: Buffer.alloc(0), data: "" }, chunk)?.toString() ?? "";
    const tokens = readUsage((chunks as Json[]).at(-1)) ?? assert.fail("no usage");
    assert.deepEqual(eventsOf(text + (await writer.end(tokens)).toString()), events);
  });
}

const asked = goldenCases("requests").map((one) => one["asked"]);
describeDistorted("a request of Anthropic's", asked, (body) => {
  const { request } = askInAnthropic(Buffer.from(JSON.stringify(body) ?? "")).readFor(openAi);
  assert.equal(typeof JSON.parse(request.body.toString()), "object");
});

const user = { role: "user", content: "hi" };
const image = { type: "image", source: { type: "file", file_id: "f" } };

const changing = (change: object) => ({
  messages: [user, { role: "system", content: [{ type: "tool_addition", ...change }] }],
});

const refused: readonly (readonly [object, string])[] = [
  [{ max_tokens: undefined }, "max_tokens"],
  [{ max_tokens: 0 }, "max_tokens"],
  [{ container: "c" }, "container"],
  [{ messages: "hi" }, "messages"],
  [{ messages: [{ role: "tool", content: "x" }] }, "messages[0].role"],
  [{ messages: [user, { role: "assistant", content: "Well," }] }, "messages[1].role"],
  [{ messages: [{ role: "user", content: [image] }] }, "messages[0].content[0].source.type"],
  [{ messages: [{ role: "user", content: [{ type: "server_tool_use" }] }] }, "messages[0].content[0].type"],
  [
    { messages: [{ role: "user", content: [{ type: "text", text: "x", citations: [] }] }] },
    "messages[0].content[0].citations",
  ],
  [
    { messages: [{ role: "user", content: [{ type: "tool_result", content: "x" }] }] },
    "messages[0].content[0].tool_use_id",
  ],
  [{ system: [{ type: "text" }] }, "system[0].text"],
  [{ tools: [{ type: "web_search_20250305", name: "web_search" }] }, "tools[0].type"],
  [{ tools: [{ name: "f", input_schema: {}, defer_loading: "yes" }] }, "tools[0].defer_loading"],
  [changing({ tool: { type: "tool_definition", definition: {} } }), "messages[1].content[0].tool.type"],
  [changing({ tool: { type: "tool_reference" } }), "messages[1].content[0].tool.name"],
  [{ tools: [{ name: "f", input_schema: {} }], tool_choice: { type: "some" } }, "tool_choice.type"],
  [{ thinking: { type: "enabled", budget_tokens: 1_023 } }, "thinking.budget_tokens"],
  [{ max_tokens: 2_000, thinking: { type: "enabled", budget_tokens: 2_000 } }, "thinking.budget_tokens"],
  [{ context_management: { edits: [{ type: "clear_tool_uses_20250919" }] } }, "context_management.edits[0].type"],
  [{ metadata: { user_id: "u", other: 1 } }, "metadata.other"],
  [{ stream: "yes" }, "stream"],
  [{ model: "" }, "model"],
];

test("what chat cannot say is refused, and the field is named", () => {
  for (const [asked, param] of refused) {
    assert.throws(
      () => readMessageRequest(JSON.parse(JSON.stringify({ ...plain, ...asked }))),
      (err) => isFailure(err) && err.details["param"] === param,
      param,
    );
  }
});

test("a request to be counted needs no limit, and takes nothing that only an answer needs", () => {
  const { model, messages } = plain;
  assert.equal(readRequestToCount({ model, messages }).model, model);
  assert.throws(
    () => readRequestToCount({ model, messages, temperature: 1 }),
    (err) => isFailure(err) && err.details["param"] === "temperature",
  );
});

/** The content that a client puts together, block after block; fails where an event is out of place. */
function contentOf(events: readonly Json[]): Json[] {
  const blocks: Json[] = [];
  let open: { block: Json; input: string } | undefined;
  assert.equal(events[0]?.["type"], "message_start");
  assert.equal(events.at(-1)?.["type"], "message_stop");
  for (const { type, index, content_block, delta } of events) {
    if (type === "content_block_start") {
      assert.deepEqual([open, index], [undefined, blocks.length]);
      open = { block: { ...(content_block as Json) }, input: "" };
    } else if (type === "content_block_delta") {
      assert.equal(index, blocks.length);
      const { type: kind, ...said } = delta as Json;
      const block = open?.block ?? assert.fail("a delta outside a block");
      if (kind === "text_delta") block["text"] = `${block["text"]}${said["text"]}`;
      else if (kind === "thinking_delta") block["thinking"] = `${block["thinking"]}${said["thinking"]}`;
      else if (open) open.input += said["partial_json"];
    } else if (type === "content_block_stop") {
      const { block, input } = open ?? assert.fail("a block ends twice");
      if (block["type"] === "tool_use") block["input"] = JSON.parse(input || "{}");
      blocks.push(block);
      open = undefined;
    }
  }
  assert.equal(open, undefined);
  return blocks;
}

test("W4, W5: for 200 seeds: a stream that is cut anywhere, with tool calls by turns, says what the whole answer says", async () => {
  for (let seed = 0; seed < 200; seed++) {
    const draw = drawFrom(`messages ${seed}`);
    const chat = randomChat(draw);
    const none = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };
    const whole = JSON.parse((await writerFor({}).whole(Buffer.alloc(0), chat.whole, none)).toString());
    const events = eventsOf(await writeStream(draw, chat, writerFor({ stream: true })));
    const inOrder = (blocks: readonly Json[]) =>
      blocks.toSorted((a, b) => String(a["id"]).localeCompare(String(b["id"])));
    assert.deepEqual(inOrder(contentOf(events)), inOrder(whole.content), `seed ${seed}`);
    const { delta } = events.at(-2) ?? {};
    assert.equal((delta as Json)["stop_reason"], whole.stop_reason);
  }
});

test("a stream that ends because money does ends with a billing error", () => {
  const details = { required: "2", available: "1", held: "0", currency: "USD", limit_source: "wallet" };
  const failure = new Failure(billingFailures.insufficient_balance, details);
  const [event = {}] = eventsOf(writerFor({}).fail(failure, "en_US").toString());
  const { type, code, details: told } = event["error"] as Json;
  assert.deepEqual([event["type"], type, code, told], ["error", "billing_error", "BILLING_001", details]);
});

test("a stream of which more has to be kept than may be is ended", () => {
  const call = { index: 0, id: "a", function: { name: "f", arguments: "x".repeat(101) } };
  const chunk = { choices: [{ index: 0, delta: { tool_calls: [call] } }] };
  const writer = writerFor({}, { maxKeptLength: 100 });
  assert.throws(() => writer.event({ raw: Buffer.alloc(0), data: "" }, chunk), RangeError);
});
