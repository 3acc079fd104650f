import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";
import OpenAI from "openai";
import { type RunningPlatform, requestJson } from "../run-platform.ts";
import { startRawProvider } from "./raw-provider.ts";

type Json = Record<string, unknown>;

const price = { inputUsdPerMillion: "1", outputUsdPerMillion: "2", maxOutputTokens: 100 };
const usage = { prompt_tokens: 11, completion_tokens: 3, total_tokens: 14 };

function say(res: ServerResponse, id: string, deltas: readonly object[], finish: string | null = null): void {
  if (!res.headersSent) res.writeHead(200, { "content-type": "text/event-stream" });
  const chunk = (fields: object) => res.write(`data: ${JSON.stringify({ id, created: 7, model: id, ...fields })}\n\n`);
  for (const delta of deltas) chunk({ choices: [{ index: 0, delta, finish_reason: null }] });
  if (finish === null) return;
  chunk({ choices: [{ index: 0, delta: {}, finish_reason: finish }] });
  chunk({ choices: [], usage });
  res.end("data: [DONE]\n\n");
}

/** Who breaks off too often is asked last. */
const beginners = ["begins", "stops", "starts"];

/** Begins a tale and breaks off; one that is asked for a tool has called it by then. */
function breakOff(res: ServerResponse, body: Json): void {
  const call = { index: 0, id: "c1", type: "function", function: { name: "f", arguments: "{" } };
  const begun = [{ role: "assistant", content: "" }, { content: "Once upon" }, { content: " a " }];
  say(res, "first", body["tools"] ? [...begun, { tool_calls: [call] }] : begun);
  setImmediate(() => res.socket?.destroy());
}

/** What stands in a request for whom it says to write to. */
const addressee = ({ messages }: Json) => /TO:(\S+)!/.exec(JSON.stringify(messages))?.[1] ?? "nobody";

/** Breaks off within a word, having named somebody else, too. */
function hide(res: ServerResponse, body: Json): void {
  say(res, "first", [{ content: `Write to ${addressee(body)} or bob@example.com of pl` }]);
  setImmediate(() => res.socket?.destroy());
}

function finish(res: ServerResponse, body: Json): void {
  const isBad = JSON.stringify(body["messages"]).includes("BADLY");
  const rest = isBad ? "um, forbidden, and more" : `um cake, ${addressee(body)}.`;
  say(res, "second", [{ content: rest.slice(0, 9) }, { content: rest.slice(9) }], "stop");
}

/**
 * Models whose first provider breaks off: `tale` and the route `tale-on` have another that goes on with what is begun, `torn-on` one that
 * breaks off, too; `looked-on` has two of its own.
 */
export async function startTellers(scope: TestScope) {
  /** What those who go on were asked. */
  const asked: Json[] = [];
  const teller = async (name: string, models: readonly object[], answer: (res: ServerResponse, body: Json) => void) => {
    const { config } = await startRawProvider(scope, name, (res, _, body) => {
      if (!beginners.includes(name) && name !== "hides") asked.push(body);
      answer(res, body);
    });
    return { ...config, models };
  };
  const providers = [
    ...(await Promise.all(beginners.map((name) => teller(name, [{ ...price, name: "tale" }], breakOff)))),
    // It would begin anew, and is passed over.
    await teller("anew", [{ ...price, name: "tale" }], (res) => say(res, "anew", [{ content: "No." }], "stop")),
    await teller("goes-on", [{ ...price, name: "tale", prefill: "prefix" }], (res) =>
      say(res, "second", [{ role: "assistant", content: "" }, { content: "time." }], "stop"),
    ),
    await teller("tears", [{ ...price, name: "tale", prefill: "plain" }], (res, body) => {
      say(res, "third", [{ content: "ti" }]);
      assert.ok(body);
      setImmediate(() => res.socket?.destroy());
    }),
    await teller("hides", [{ ...price, name: "tale" }], hide),
    await teller("finishes", [{ ...price, name: "tale", prefill: "plain" }], finish),
  ];
  const to = (...names: string[]) => names.map((provider) => ({ provider, model: "tale" }));
  const routes = [
    { name: "tale-on", strategy: "fallback", continues: true, targets: to("begins", "anew", "goes-on") },
    { name: "lone-on", strategy: "fallback", continues: true, targets: to("stops", "anew", "goes-on") },
    { name: "torn-on", strategy: "fallback", continues: true, targets: to("starts", "tears", "goes-on") },
    { name: "looked-on", strategy: "fallback", continues: true, targets: to("hides", "finishes") },
  ];
  return { providers, routes, asked };
}

/** Of what breaks off after it has begun. `rowsOf` gives the provider, attempt and status of a call's rows of usage. */
export function describeContinued(
  at: () => RunningPlatform,
  asked: readonly Json[],
  rowsOf: (callId: string) => Promise<readonly unknown[]>,
): void {
  const clientOf = () => new OpenAI({ baseURL: `${at().url}/v1`, apiKey: at().apiKey, maxRetries: 0 });
  const messages = [{ role: "user" as const, content: "Tell me." }];
  const begunBy = (name: string) => [name, 1, "truncated"];
  const begun = begunBy("begins");

  async function stream(path: string, body: object) {
    const answer = await fetch(`${at().url}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${at().apiKey}`, "content-type": "application/json" },
      body: JSON.stringify({ stream: true, ...body }),
    });
    const text = await answer.text();
    const events = [...text.matchAll(/^data: ({.*)$/gm)].map(([, json]) => JSON.parse(String(json)) as Json);
    const labels = events.flatMap(({ lyss }) => lyss ?? []);
    return { text, events, labels, callId: answer.headers.get("lyss-call-id") ?? "" };
  }

  test("R8: a stream that breaks off goes on elsewhere in the same message, says so, and both parts are charged", async () => {
    const { data, response } = await clientOf()
      .chat.completions.create({
        model: "tale-on",
        messages,
        max_tokens: 50,
        stream: true,
        stream_options: { include_usage: true },
      })
      .withResponse();
    const chunks = await Array.fromAsync(data);
    assert.equal(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join(""), "Once upon a time.");
    assert.deepEqual([...new Set(chunks.map(({ id, model }) => `${id} ${model}`))], ["first tale-on"]);
    const labels = chunks.flatMap((chunk) => (chunk as unknown as Json)["lyss"] ?? []);
    assert.deepEqual(labels, [{ continued_by: { provider: "goes-on", attempt: 2 } }]);
    const request = asked.at(-1);
    assert.deepEqual(request?.["messages"], [
      ...messages,
      { role: "assistant", content: "Once upon a ", prefix: true },
    ]);
    const callId = String(response.headers.get("lyss-call-id"));
    assert.deepEqual(await rowsOf(callId), [begun, ["goes-on", 2, "completed"]]);
    const { body } = await requestJson(`${at().url}/v1/requests/${callId}/receipt`, at().apiKey);
    const billed = await requestJson(`${at().url}/v1/billing/usage/${callId}`, at().apiKey);
    const attempts = billed.body["attempts"] as { usage: Json }[];
    const sum = (name: string) => attempts.reduce((total, { usage: one }) => total + Number(one[name]), 0);
    assert.equal(Number(body["cost_nanos"]), sum("cost_nanos"));
    const told = chunks.at(-1)?.usage;
    assert.deepEqual([told?.prompt_tokens, told?.completion_tokens], [sum("input_tokens"), sum("output_tokens")]);
    // What was said counts against what may be said.
    assert.equal(request?.["max_tokens"], 50 - (sum("output_tokens") - usage.completion_tokens));
    const candidates = (body["routing"] as { candidates: Json[] }).candidates;
    assert.deepEqual(
      candidates.map(({ provider, result }) => `${provider} ${result}`),
      ["begins broke_off", "anew not_reached", "goes-on served"],
    );
  });

  test("R8: it does in every dialect that is translated, as one text", async () => {
    const inMessages = await stream("/v1/messages", { model: "tale-on", max_tokens: 50, messages });
    const deltas = inMessages.events.filter(({ type }) => type === "content_block_delta");
    assert.equal(deltas.map(({ delta }) => (delta as Json)["text"]).join(""), "Once upon a time.");
    assert.equal(inMessages.events.filter(({ type }) => type === "message_start").length, 1);
    assert.equal(inMessages.labels.length, 1);
    const inResponses = await stream("/v1/responses", { model: "tale-on", input: "Tell me." });
    const { response } = inResponses.events.at(-1) as { response: Json };
    assert.equal(response["status"], "completed");
    assert.match(JSON.stringify(response["output"]), /"Once upon a time\."/);
    assert.equal(inResponses.labels.length, 1);
    for (const { callId } of [inMessages, inResponses]) assert.equal((await rowsOf(callId)).length, 2);
  });

  test("R8: who may choose providers asks for it by call, or asks for none of it", async () => {
    const provider = { order: ["begins", "goes-on"] };
    const on = await stream("/v1/chat/completions", {
      model: "tale",
      messages,
      provider: { ...provider, continue: true },
    });
    assert.match(on.text, /time\.[\s\S]*data: \[DONE\]\n\n$/);
    const off = await stream("/v1/chat/completions", { model: "tale-on", messages, provider: { continue: false } });
    assert.deepEqual([off.labels, await rowsOf(off.callId)], [[], [begun]]);
    assert.match(off.text, /"code":"GATEWAY_00[79]"/);
  });

  test("R8: what nobody can go on with ends with a typed error, at the cost of what was delivered", async () => {
    const shape = { type: "json_schema", json_schema: { name: "x", schema: { type: "object" } } };
    const tools = [{ type: "function", function: { name: "f", parameters: { type: "object" } } }];
    const before = asked.length;
    for (const more of [{ response_format: shape }, { tools }, { logprobs: true }, { max_tokens: 4 }]) {
      const { text, callId } = await stream("/v1/chat/completions", { model: "lone-on", messages, ...more });
      assert.match(text, /"code":"GATEWAY_00[79]"/, JSON.stringify(more));
      assert.ok(!text.includes("[DONE]"));
      assert.deepEqual(await rowsOf(callId), [begunBy("stops")]);
    }
    assert.equal(asked.length, before);
  });

  test("R8: it is gone on with once: what breaks off again ends with a typed error, and both parts are charged", async () => {
    const { text, labels, callId } = await stream("/v1/chat/completions", { model: "torn-on", messages });
    assert.equal(labels.length, 1);
    assert.match(text, /"content":"ti"[\s\S]*"code":"GATEWAY_00[79]"/);
    assert.deepEqual(await rowsOf(callId), [begunBy("starts"), ["tears", 2, "truncated"]]);
  });

  test("R8: guardrails look at both parts as at one text, and nobody who goes on is told what is masked", async () => {
    const guardrail = async (name: string, body?: object) => {
      const init = body ? { method: "PUT", body: { models: ["looked-on"], ...body } } : { method: "DELETE" };
      const { status } = await requestJson(`${at().url}/api/v1/ai/guardrails/${name}`, at().apiKey, init);
      assert.equal(status, 200, name);
    };
    await guardrail("people", { kind: "pii", action: "mask" });
    await guardrail("plums", { kind: "words", words: ["plum"], action: "mask", on: "answer" });
    await guardrail("bad", { kind: "words", words: ["forbidden"], action: "block", on: "answer" });
    const ask = (more: string) =>
      stream("/v1/chat/completions", {
        model: "looked-on",
        messages: [{ role: "user", content: `TO:ann@example.com! ${more}` }],
      });
    const told = await ask("Kindly.");
    const text = told.events
      .map(({ choices }) => (choices as { delta?: { content?: string } }[])[0]?.delta?.content ?? "")
      .join("");
    assert.match(text, /^Write to ann@example\.com or \S+ of \S+ cake, ann@example\.com\.$/);
    assert.doesNotMatch(text, /bob@example|plum/);
    assert.match(told.text, /data: \[DONE\]\n\n$/);
    assert.equal(told.labels.length, 1);
    const request = JSON.stringify(asked.at(-1));
    assert.doesNotMatch(request, /@example/);
    assert.match(request, /Write to \S+ or \S+ of pl"/);
    assert.deepEqual(await rowsOf(told.callId), [begunBy("hides"), ["finishes", 2, "completed"]]);

    const refused = await ask("BADLY.");
    assert.match(refused.text, /"code":"content_filter"/);
    assert.doesNotMatch(refused.text, /forbidden|\[DONE\]/);
    assert.deepEqual(await rowsOf(refused.callId), [begunBy("hides"), ["finishes", 2, "truncated"]]);
    for (const name of ["people", "plums", "bad"]) await guardrail(name);
  });
}
