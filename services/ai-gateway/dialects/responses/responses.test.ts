import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { describeDistorted } from "../describe-distorted.ts";
import { parseExact } from "../exact-json.ts";
import { readUsage } from "../openai/usage.ts";
import { drawFrom, randomChat, writeStream } from "../random-chat.ts";
import type { Fields } from "../request-fields.ts";
import { inputOf, readResponseRequest, toCallRequest, toPlacedItems } from "./response-request.ts";
import { readTools } from "./response-tools.ts";
import { createResponseWriter, type KeepResponse } from "./responses.ts";

type Json = Record<string, unknown>;

const facts = { callId: "call_01", requestId: "req_01", upstreamModel: "m", startedAtMs: 1_700_000_000_000 };
const none = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };
const noEvent = { raw: Buffer.alloc(0), data: "" };

function goldenCases(name: string): Json[] {
  return parseExact(readFileSync(new URL(`golden/${name}.json`, import.meta.url), "utf8")) as Json[];
}

function toBody(asked: unknown): Buffer {
  return Buffer.from(JSON.stringify(asked));
}

function writerFor(asked: object = {}, keep: KeepResponse = async () => true, maxKeptLength = 1_000_000) {
  const read = readResponseRequest(toBody({ model: "alias", input: "hi", ...asked }));
  const { told } = readTools(read.json, toPlacedItems([], inputOf(read, "p")));
  return createResponseWriter(read, { ...facts, maxKeptLength }, keep, told);
}

function eventsOf(text: string): Json[] {
  return text.split(/(?<=\n\n)/).map((event, index) => {
    const [, type, data] = /^event: ([\w.]+)\ndata: (.+)\n\n$/.exec(event) ?? [];
    const json = JSON.parse(data ?? assert.fail(event));
    assert.deepEqual([json.type, json.sequence_number], [type, index]);
    return json;
  });
}

for (const { what, asked, history, chat, items } of goldenCases("requests")) {
  test(`a request in chat's form: ${what}`, () => {
    const read = readResponseRequest(toBody(asked));
    const input = inputOf(read, "p");
    assert.equal(JSON.stringify(input), JSON.stringify(items));
    const request = toCallRequest(read, history as Fields[], input);
    assert.equal(request.body.toString(), JSON.stringify(chat));
    const limit = (asked as Json)["max_output_tokens"];
    assert.deepEqual(request.outputLimit, limit === undefined ? undefined : { field: undefined, tokens: limit });
  });
}

for (const { what, chunks, events } of goldenCases("streams")) {
  test(`a stream as a response's events: ${what}`, async () => {
    const writer = writerFor();
    let text = "";
    for (const chunk of chunks as Json[]) text += writer.event(noEvent, chunk)?.toString() ?? "";
    const tokens = readUsage((chunks as Json[]).at(-1)) ?? assert.fail("no usage");
    assert.deepEqual(eventsOf(text + (await writer.end(tokens)).toString()), events);
  });
}

const user = { role: "user", content: "hi" };

const given = goldenCases("requests").map((one) => one["asked"]);
describeDistorted("a request of the Responses API", given, (asked) => {
  const read = readResponseRequest(Buffer.from(JSON.stringify(asked) ?? ""));
  assert.equal(typeof JSON.parse(toCallRequest(read, [], inputOf(read, "p")).body.toString()), "object");
});

const refused: readonly (readonly [object, string])[] = [
  [{ conversation: "c" }, "conversation"],
  [{ prompt: { id: "p" } }, "prompt"],
  [{ input: undefined }, "input"],
  [{ input: [] }, "input"],
  [{ input: [user, { type: "item_reference", id: "x" }] }, "input[1].type"],
  [{ input: [{ role: "user", content: [{ type: "input_image", file_id: "f" }] }] }, "input[0].content[0].file_id"],
  [{ input: [{ role: "user", content: [{ type: "input_audio" }] }] }, "input[0].content[0].type"],
  [{ input: [{ type: "function_call", call_id: "a", name: "f", arguments: {} }] }, "input[0].arguments"],
  [{ input: [{ type: "function_call_output", output: "x" }] }, "input[0].call_id"],
  [{ tools: [{ type: "web_search" }] }, "tools[0].type"],
  [
    { tools: [{ type: "function", name: "f" }], tool_choice: { type: "allowed_tools", mode: "auto" } },
    "tool_choice.mode",
  ],
  [{ text: { format: { type: "json_schema", name: "s" } } }, "text.format.schema"],
  [{ reasoning: { effort: 1 } }, "reasoning.effort"],
  [{ max_output_tokens: 0 }, "max_output_tokens"],
  [{ truncation: "auto" }, "truncation"],
  [{ include: ["message.output_text.logprobs"] }, "include[0]"],
  [{ top_logprobs: 2 }, "top_logprobs"],
  [{ metadata: { a: 1 } }, "metadata"],
  [{ background: true, store: false }, "store"],
  [{ model: undefined }, "model"],
];

test("what chat cannot say is refused, and the field is named", () => {
  for (const [asked, param] of refused) {
    const body = toBody({ model: "m", input: "hi", ...asked });
    const work = () => {
      const read = readResponseRequest(body);
      return toCallRequest(read, [], inputOf(read, ""));
    };
    assert.throws(work, (err) => isFailure(err) && err.details["param"] === param, param);
  }
});

test("W4, W5: for 200 seeds: a stream that is cut anywhere, with tool calls by turns, ends with what the whole answer is", async () => {
  for (let seed = 0; seed < 200; seed++) {
    const draw = drawFrom(`responses ${seed}`);
    const chat = randomChat(draw);
    const whole = JSON.parse((await writerFor().whole(Buffer.alloc(0), chat.whole, none)).toString());
    const events = eventsOf(await writeStream(draw, chat, writerFor({ stream: true })));
    const { response } = events.at(-1) ?? {};
    const last = response as { output: Json[]; status: string };
    assert.equal(last.status, whole.status);
    // Ids and order of calls are those in which they were begun.
    const plain = (output: readonly Json[]) => output.map(({ id: _, ...item }) => JSON.stringify(item)).toSorted();
    assert.deepEqual(plain(last.output), plain(whole.output), `seed ${seed}`);
    assert.deepEqual(gather(events), last.output, `seed ${seed}`);
  }
});

/** The output that a client puts together from the events alone; fails where one is out of place. */
function gather(events: readonly Json[]): Json[] {
  const texts = new Map<unknown, string>();
  const done: Json[] = [];
  for (const { type, item, item_id, output_index, delta } of events) {
    if (type === "response.output_item.added") {
      assert.equal(output_index, texts.size);
      texts.set((item as Json)["id"], "");
    } else if (typeof delta === "string") {
      texts.set(item_id, (texts.get(item_id) ?? assert.fail("a delta outside an item")) + delta);
    } else if (type === "response.output_item.done") {
      const {
        id,
        arguments: given,
        content,
      } = item as { id: string; arguments?: string; content?: { text: string }[] };
      assert.equal(texts.get(id), given ?? content?.map(({ text }) => text).join(""));
      done[Number(output_index)] = item as Json;
    }
  }
  return done;
}

test("a stream that breaks off ends with a failed response that says why", () => {
  const writer = writerFor({ stream: true });
  const chunk = { choices: [{ index: 0, delta: { content: "Hel" } }] };
  const begun = writer.event(noEvent, chunk)?.toString() ?? "";
  const failure = new Failure(aiGatewayFailures.upstream_truncated, { model: "m" });
  const last = eventsOf(begun + writer.fail(failure, "en_US").toString()).at(-1) ?? {};
  assert.equal(last["type"], "response.failed");
  const { status, error, output } = last["response"] as { status: string; error: Json; output: Json[] };
  assert.deepEqual([status, error["code"], output], ["failed", "GATEWAY_009", []]);
});

test("W24: what another account has sealed goes to no provider: a response's thoughts are left out of what is asked next", () => {
  const sealed = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAAAABsealed" };
  const read = readResponseRequest(
    toBody({ model: "alias", input: [user, sealed, user], include: ["reasoning.encrypted_content"] }),
  );
  const { body } = toCallRequest(read, [], inputOf(read, "p"));
  assert.deepEqual(JSON.parse(body.toString()).messages, [user, user]);
});

test("W22: thoughts are told as they are, or as a summary to who asked for one, whole and streamed alike", async () => {
  const chunks = ["Let me ", "see."].map((text) => ({ choices: [{ index: 0, delta: { reasoning_content: text } }] }));
  for (const [asked, kind, name] of [
    [{}, "reasoning_text", "content"],
    [{ reasoning: { summary: "auto" } }, "summary_text", "summary"],
  ] as const) {
    const writer = writerFor(asked);
    const text = chunks.map((chunk) => writer.event(noEvent, chunk)?.toString() ?? "").join("");
    const events = eventsOf(text + (await writer.end(none)).toString());
    const types = events.map(({ type }) => String(type)).filter((type) => /part|text/.test(type));
    const [part, event] =
      name === "summary" ? ["reasoning_summary_part", "reasoning_summary_text"] : ["content_part", "reasoning_text"];
    const written = [`${part}.added`, `${event}.delta`, `${event}.delta`, `${event}.done`, `${part}.done`];
    assert.deepEqual(
      types,
      written.map((type) => `response.${type}`),
    );
    const { output } = (events.at(-1) as { response: { output: Json[] } }).response;
    assert.deepEqual(output[0]?.[name], [{ type: kind, text: "Let me see." }]);
  }
});

test("a response is shown to who keeps it before its caller, and one that could not be kept says so", async () => {
  const chat = { choices: [{ index: 0, message: { content: "x" }, finish_reason: "stop" }] };
  const show = async (asked: object, keep: KeepResponse) =>
    JSON.parse((await writerFor(asked, keep).whole(Buffer.alloc(0), chat, none)).toString()).store;
  const kept: string[] = [];
  const keep = async ({ status, store }: { status: string; store: boolean }) => kept.push(`${status} ${store}`) > 0;
  assert.equal(await show({}, keep), true);
  assert.equal(await show({ store: false }, keep), false);
  assert.equal(await show({}, async () => false), false);
  assert.deepEqual(kept, ["completed true", "completed false"]);
});

test("an answer of which more would have to be gathered than may be is ended", () => {
  const chunk = { choices: [{ index: 0, delta: { content: "x".repeat(101) } }] };
  assert.throws(() => writerFor({}, undefined, 100).event(noEvent, chunk), RangeError);
});
