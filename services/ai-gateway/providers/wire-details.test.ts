import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { readRequest } from "../call/read-request.ts";
import type { Model } from "../model.ts";
import { anthropicWire } from "./anthropic/anthropic.ts";
import { bedrockWire } from "./bedrock/bedrock.ts";
import { geminiWire } from "./gemini/gemini.ts";
import type { Wire } from "./wire.ts";
import { goldenFacts, toSseEvent } from "./wire-golden.ts";

// What one dialect has and another has not, on the way out of chat. Whole requests and answers stand in each vendor's folder of goldens.

type Json = Record<string, unknown>;
const model = { name: "m", upstreamName: "a-model", maxOutputTokens: 4_321 } as Model;
const hi = { role: "user", content: "hi" };

function send(wire: Wire, fields: Json): Json {
  const request = readRequest("chat", Buffer.from(JSON.stringify({ model: "m", messages: [hi], ...fields })));
  return JSON.parse(wire.draft(request, model).toBody(undefined).toString());
}

function refusedFor(wire: Wire, fields: Json): unknown {
  try {
    send(wire, fields);
  } catch (err) {
    if (isFailure(err)) return err.details["param"];
    throw err;
  }
  return undefined;
}

/** Why an answer ended, whole and streamed, in chat's word for it. */
function finishOf(wire: Wire, whole: object, events: readonly object[]): unknown[] {
  const { json } = wire.toAnswer(Buffer.alloc(0), whole, goldenFacts);
  const stream = wire.createStream(goldenFacts);
  const chunks = events
    .flatMap((event) => stream.read(toSseEvent(event)))
    .flatMap(({ data }) => (data?.startsWith("{") ? [JSON.parse(data)] : []));
  const streamed = chunks.flatMap(({ choices: [choice] }) => choice?.finish_reason ?? []);
  return [(json as { choices: { finish_reason: unknown }[] }).choices[0]?.finish_reason, ...streamed];
}

test("W13: Anthropic, which asks for a limit, gets the caller's by either of its names, and otherwise the model's own", () => {
  assert.equal(send(anthropicWire, {})["max_tokens"], 4_321);
  for (const name of ["max_tokens", "max_completion_tokens"])
    assert.equal(send(anthropicWire, { [name]: 7 })["max_tokens"], 7);
});

test("W17: a schema reaches each vendor as it is written: references, an empty `required`, what is not allowed beside it", () => {
  const schema = {
    type: "object",
    properties: { next: { $ref: "#/$defs/item" }, n: { type: ["integer", "null"] } },
    required: [],
    additionalProperties: false,
    $defs: { item: { type: "object", properties: {}, required: [] } },
  };
  const response_format = { type: "json_schema", json_schema: { name: "out", strict: true, schema } };
  const tools = [{ type: "function", function: { name: "f", parameters: schema, strict: true } }];
  const anthropic = send(anthropicWire, { response_format, tools });
  assert.deepEqual(anthropic["output_config"], { format: { type: "json_schema", schema } });
  assert.deepEqual(anthropic["tools"], [{ name: "f", input_schema: schema, strict: true }]);
  const gemini = send(geminiWire, { response_format, tools });
  // The fields for JSON Schema, not those for Google's own, which knows neither references nor `additionalProperties`.
  const { responseJsonSchema, responseSchema } = gemini["generationConfig"] as Json;
  assert.deepEqual([responseJsonSchema, responseSchema], [schema, undefined]);
  assert.deepEqual(gemini["tools"], [{ functionDeclarations: [{ name: "f", parametersJsonSchema: schema }] }]);
});

test("W18: a choice of tools, and how many at once, has each vendor's words, or is refused by name where it has none", () => {
  const tools = [{ type: "function", function: { name: "f" } }];
  const named = { type: "function", function: { name: "f" } };
  const of = (wire: Wire, field: string, more: Json) => send(wire, { tools, ...more })[field];
  const single = { disable_parallel_tool_use: true };
  for (const [asked, anthropic, gemini] of [
    [{ tool_choice: "required" }, { type: "any" }, { mode: "ANY" }],
    [{ tool_choice: "none" }, { type: "none" }, { mode: "NONE" }],
    [{ tool_choice: "auto" }, { type: "auto" }, { mode: "AUTO" }],
    [{ tool_choice: named }, { type: "tool", name: "f" }, { mode: "ANY", allowedFunctionNames: ["f"] }],
  ] as const) {
    assert.deepEqual(of(anthropicWire, "tool_choice", asked), anthropic);
    assert.deepEqual(of(geminiWire, "toolConfig", asked), { functionCallingConfig: gemini });
    const once = { ...asked, parallel_tool_calls: false };
    assert.deepEqual(of(anthropicWire, "tool_choice", once), {
      ...anthropic,
      ...(asked.tool_choice !== "none" && single),
    });
    assert.equal(refusedFor(geminiWire, { tools, ...once }), "parallel_tool_calls");
  }
  assert.deepEqual(of(anthropicWire, "tool_choice", { parallel_tool_calls: false }), { type: "auto", ...single });
  assert.equal(of(anthropicWire, "tool_choice", { parallel_tool_calls: true }), undefined);
});

test("W20: turns alternate, all results of tools stand in the turn after their calls, and name their functions where ids do not count", () => {
  const call = (id: string, name: string) => ({ id, type: "function", function: { name, arguments: "{}" } });
  const result = (id: string, content: string) => ({ role: "tool", tool_call_id: id, content });
  const messages = [
    { role: "user", content: "a" },
    { role: "user", content: "b" },
    { role: "assistant", content: null, tool_calls: [call("1", "f"), call("2", "g")] },
    ...[result("2", "two"), result("1", "one")],
    { role: "user", content: "c" },
  ];
  const anthropic = send(anthropicWire, { messages })["messages"] as { role: string; content: Json[] }[];
  assert.deepEqual(
    anthropic.map(({ role, content }) => [role, content.map((block) => block["tool_use_id"] ?? block["type"])]),
    [
      ["user", ["text", "text"]],
      ["assistant", ["tool_use", "tool_use"]],
      ["user", ["2", "1", "text"]],
    ],
  );
  const gemini = send(geminiWire, { messages })["contents"] as { role: string; parts: Record<string, Json>[] }[];
  assert.deepEqual(
    gemini.map(({ role, parts }) => [role, parts.flatMap((part) => part["functionResponse"]?.["name"] ?? [])]),
    [
      ["user", []],
      ["model", []],
      ["user", ["g", "f"]],
    ],
  );
});

test("W21: data goes on as data, an address only to who fetches it itself, and a file of another account or machine to nobody", () => {
  const of = (part: Json) => ({ messages: [{ role: "user", content: [part] }] });
  const image = (url: string) => of({ type: "image_url", image_url: { url } });
  const [data, there] = ["data:image/png;base64,aQ==", "https://example.com/a.png"];
  const said = (body: Json, list: string, parts: string) =>
    (body[list] as readonly Record<string, readonly Json[]>[])[0]?.[parts]?.[0];
  assert.deepEqual(said(send(anthropicWire, image(data)), "messages", "content")?.["source"], {
    ...{ type: "base64", media_type: "image/png", data: "aQ==" },
  });
  assert.deepEqual(said(send(anthropicWire, image(there)), "messages", "content")?.["source"], {
    ...{ type: "url", url: there },
  });
  assert.deepEqual(said(send(geminiWire, image(data)), "contents", "parts"), {
    inlineData: { mimeType: "image/png", data: "aQ==" },
  });
  const at = "messages[0].content[0].image_url.url";
  for (const wire of [geminiWire, bedrockWire]) assert.equal(refusedFor(wire, image(there)), at);
  for (const wire of [anthropicWire, geminiWire, bedrockWire]) {
    for (const url of ["file:///etc/passwd", "ftp://10.0.0.1/a", "data:image/png,raw", "//example.com/a.png", ""])
      assert.equal(refusedFor(wire, image(url)), at, url);
    const kept = refusedFor(wire, of({ type: "file", file: { file_id: "file_1" } }));
    assert.match(String(kept), /^messages\[0\]\.content\[0\]\.file\b/);
  }
});

test("W37: whatever a vendor calls a refusal of its filter is one in chat, and no failure that would have it tried elsewhere", () => {
  const usageMetadata = { promptTokenCount: 3, candidatesTokenCount: 1 };
  const content = { role: "model", parts: [{ text: "a" }] };
  for (const [finishReason = "", told] of [
    ...[
      "SAFETY",
      "RECITATION",
      "MALFORMED_FUNCTION_CALL",
      "BLOCKLIST",
      "PROHIBITED_CONTENT",
      "SPII",
      "A_LATER_ONE",
    ].map((reason) => [reason, "content_filter"]),
    ...[
      ["STOP", "stop"],
      ["MAX_TOKENS", "length"],
    ],
  ]) {
    const answer = { candidates: [{ content, finishReason, index: 0 }], usageMetadata };
    assert.deepEqual(finishOf(geminiWire, answer, [answer]), [told, told], finishReason);
  }
  const blocked = { promptFeedback: { blockReason: "SAFETY" }, usageMetadata };
  assert.deepEqual(finishOf(geminiWire, blocked, [blocked]), ["content_filter", "content_filter"]);

  const usage = { input_tokens: 3, output_tokens: 1 };
  const message = { id: "msg_1", type: "message", role: "assistant", model: "c", content: [], usage };
  const ended = { type: "message_delta", delta: { stop_reason: "refusal" }, usage: { output_tokens: 1 } };
  const events = [{ type: "message_start", message }, ended, { type: "message_stop" }];
  assert.deepEqual(finishOf(anthropicWire, { ...message, stop_reason: "refusal" }, events), [
    ...["content_filter", "content_filter"],
  ]);
});
