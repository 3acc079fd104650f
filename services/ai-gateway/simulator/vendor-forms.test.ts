import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Answer } from "@lyss/kit/http/upstream/request-answer.ts";
import type { ResponseHead } from "@lyss/kit/http/upstream/response-head.ts";
import { systemClock as clock, delay } from "@lyss/kit/service/clock.ts";
import { followTask } from "../call/follow-task.ts";
import { readRequest } from "../call/read-request.ts";
import { createSseReader, type SseEvent } from "../dialects/openai/sse.ts";
import { findInBandFailure, toUpstreamFailure } from "../dialects/openai/upstream-failure.ts";
import { readUsage } from "../dialects/openai/usage.ts";
import type { Model } from "../model.ts";
import { signRequest } from "../providers/bedrock/sign-request.ts";
import { wireOf } from "../providers/wires.ts";
import { startSimulator } from "./simulator.ts";
import { replicateProvider, type VendorProvider, vendorProviders } from "./vendor-providers.ts";

// What a vendor's form says must be what OpenAI's says of the same request, once a wire of the gateway has read it.
const apiKey = "a-key";
const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey });
after(simulator.stop);

interface Message {
  readonly content: string | null;
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly { id: string; function: { name: string; arguments: string } }[];
}
interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly json: { choices: { message: Message; finish_reason: string | null }[] };
}

const modelOf = (vendor: VendorProvider): Model => ({
  ...{ name: "m", upstreamName: `${vendor.modelPrefix}simulated-chat`, maxOutputTokens: 4_096, showsAllOutput: false },
  ...{ inputUsdPerMillion: undefined, cachedInputUsdPerMillion: undefined, outputUsdPerMillion: undefined },
});
const factsOf = (vendor: VendorProvider) => ({
  ...{ startedAtMs: 1, callId: "call_1", upstreamModel: modelOf(vendor).upstreamName },
});

function send(vendor: VendorProvider, asked: object, secret = vendor.toSecret(apiKey)): Promise<Response> {
  const model = modelOf(vendor);
  const wire = wireOf(vendor, model);
  const base = new URL(`${simulator.url}${vendor.path}`);
  const basePath = base.pathname === "/" ? "" : base.pathname;
  const request = readRequest("chat", Buffer.from(JSON.stringify({ model: "m", ...asked })));
  const { endpoint, toBody, headers } = wire.draft(request, model, { baseUrl: base.href });
  const body = toBody(undefined);
  const path = basePath + endpoint;
  const sent = { method: "POST", authority: base.host, path, body, nowMs: clock.nowMs() };
  const own = { ...headers, ...wire.toHeaders(secret), ...wire.sign?.(secret, sent) };
  return fetch(base.origin + path, {
    ...{ method: "POST", headers: { "content-type": "application/json", ...own }, body: new Uint8Array(body) },
  });
}

function toAnswer(res: Response): Answer {
  async function* body(): AsyncGenerator<Buffer> {
    for await (const chunk of res.body ?? []) yield Buffer.from(chunk);
  }
  const head = { status: res.status, find: (name: string) => res.headers.get(name) ?? undefined } as ResponseHead;
  return { head, body: body(), discard: () => void res.body?.cancel() };
}

/** What an answer is once its task, if it is one, has come to something. */
async function follow(vendor: VendorProvider, res: Response, isStream: boolean): Promise<Response> {
  const { tasks, toHeaders } = wireOf(vendor, modelOf(vendor));
  if (!tasks || res.status !== 201) return res;
  const { signal } = new AbortController();
  const headers = toHeaders(vendor.toSecret(apiKey));
  const asker = {
    get: async (endpoint: string): Promise<unknown> =>
      (await fetch(`${simulator.url}${vendor.path}${endpoint}`, { headers })).json(),
    read: async (answer: Answer) => JSON.parse(Buffer.concat(await Array.fromAsync(answer.body)).toString()),
    openStream: async (url: string) => toAnswer(await fetch(url)),
    giveUp: () => undefined,
    pause: (delayMs: number) => delay(clock, delayMs, signal),
    fail: () => new Error("it is no task"),
    signal,
  };
  const { body } = await followTask(asker, tasks, toAnswer(res), isStream);
  return new Response(ReadableStream.from(body), { status: 200, headers: res.headers });
}

async function ask(vendor: VendorProvider, asked: object): Promise<Reply> {
  const answer = await follow(vendor, await send(vendor, asked), false);
  const body = Buffer.from(await answer.arrayBuffer());
  const { json } = wireOf(vendor, modelOf(vendor)).toAnswer(body, JSON.parse(body.toString()), factsOf(vendor));
  return { status: answer.status, headers: answer.headers, json: json as Reply["json"] };
}

/** The chunks of chat that a stream is, in a list that has what came before it broke, if it did. */
async function stream(vendor: VendorProvider, asked: object) {
  const sent = await send(vendor, { ...asked, stream: true, stream_options: { include_usage: true } });
  const answer = await follow(vendor, sent, true);
  const wire = wireOf(vendor, modelOf(vendor));
  const reader = wire.framing?.createReader(1_000_000) ?? createSseReader(1_000_000);
  const events = wire.createStream(factsOf(vendor));
  const read: SseEvent[] = [];
  let isBroken = false;
  try {
    for await (const chunk of answer.body ?? []) read.push(...reader.push(Buffer.from(chunk)).flatMap(events.read));
    reader.flush();
  } catch {
    isBroken = true;
  }
  const chunks = read.flatMap(({ data }) => (data?.startsWith("{") ? [JSON.parse(data)] : []));
  return { chunks, isBroken, isDone: read.some(({ data }) => data === "[DONE]") };
}

/** What the chunks of one choice add up to. */
function assemble(chunks: readonly { choices: { delta: object; finish_reason: string | null }[] }[]) {
  let content = "";
  let reasoning = "";
  const calls: { id: string; name: string; given: string }[] = [];
  const finishes: string[] = [];
  for (const { choices } of chunks) {
    const [choice] = choices ?? [];
    if (!choice) continue;
    if (choice.finish_reason !== null && choice.finish_reason !== undefined) finishes.push(choice.finish_reason);
    const delta = choice.delta as {
      content?: string;
      reasoning_content?: string;
      tool_calls?: { index: number; id?: string; function?: { name?: string; arguments?: string } }[];
    };
    content += delta.content ?? "";
    reasoning += delta.reasoning_content ?? "";
    for (const { index, id = "", function: called } of delta.tool_calls ?? []) {
      const call = calls[index] ?? { id, name: called?.name ?? "", given: "" };
      calls[index] = { ...call, given: call.given + (called?.arguments ?? "") };
    }
  }
  return { content, reasoning, calls, finishes };
}

const callsOf = ({ tool_calls: calls = [] }: Message) =>
  calls.map(({ id, function: { name, arguments: given } }) => ({ id, name, given }));
const user = (content: string) => [{ role: "user", content }];
const tool = (name: string, parameters: object) => ({ type: "function", function: { name, parameters } });
const weather = tool("get_weather", {
  ...{
    type: "object",
    properties: { city: { type: "string" }, days: { type: "integer" } },
    required: ["city", "days"],
  },
});
const schema = {
  type: "object",
  properties: { ok: { type: "boolean" } },
  required: ["ok"],
  additionalProperties: false,
};
const image = { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } };

const requests: Readonly<Record<string, object>> = {
  "an answer": { messages: [{ role: "system", content: "Be brief." }, ...user("你好 simulate.tokens=30")] },
  "a limit": { messages: user("Hi"), max_tokens: 4 },
  "a stop sequence": { messages: user("Hi"), stop: [" simulated"] },
  "a shape": {
    ...{ messages: user("Is it?") },
    response_format: { type: "json_schema", json_schema: { name: "answer", schema } },
  },
  "an image": { messages: [{ role: "user", content: [{ type: "text", text: "Look." }, image] }] },
  "a tool that is mentioned": { messages: user("get_weather, please"), tools: [weather] },
  "tools, of which one takes nothing": {
    ...{ messages: user("get_weather and get_time"), tools: [weather, tool("get_time", { type: "object" })] },
  },
  "a tool that must be called": { messages: user("Hello"), tools: [weather], tool_choice: "required" },
  "no tool": { messages: user("get_weather"), tools: [weather], tool_choice: "none" },
  "what a tool gave": {
    tools: [weather],
    messages: [
      ...user("How is it?"),
      {
        role: "assistant",
        tool_calls: [
          { id: "call_1", type: "function", function: { name: "get_weather", arguments: '{"city":"Rome","days":1}' } },
        ],
      },
      { role: "tool", tool_call_id: "call_1", content: "rain" },
    ],
  },
  "a refusal": { messages: user("Hi simulate.finish_reason=content_filter") },
  "a cache": { messages: user("Hi there simulate.cached_tokens=5") },
};

const [openai, ...others] = vendorProviders;
if (!openai) throw new Error("OpenAI's own is the first");

/** Replicate's models call no tools, keep to no shape, and fail where others refuse. */
const beyondReplicate = (what: string, asked: object) =>
  what === "a refusal" || "tools" in asked || "response_format" in asked;

/** Converse cannot be told of tools that must not be called: there they are left out. */
const withoutTools = ({ messages }: { readonly messages?: unknown }) => ({ messages });

for (const vendor of [...others, replicateProvider]) {
  describe(`the simulated provider in the form of ${vendor.name}`, () => {
    for (const [what, asked] of Object.entries(requests)) {
      // Responses have no stop sequences.
      if (vendor.name === "responses" && what === "a stop sequence") continue;
      if (vendor.name === "replicate" && beyondReplicate(what, asked)) continue;
      // Cohere and Replicate do not say what they had in their cache.
      const usageOf = (json: unknown) => {
        const { cachedInputTokens = 0n, inputTokens = 0n, ...usage } = readUsage(json) ?? assert.fail("no usage");
        return {
          ...usage,
          input: inputTokens + cachedInputTokens,
          cached: ["cohere", "replicate"].includes(vendor.name) ? 0n : cachedInputTokens,
        };
      };
      test(`${what}: whole and streamed, it says and counts what OpenAI's form does`, async () => {
        const isWithout = vendor.dialect === "bedrock" && what === "no tool";
        const { json: expected } = await ask(openai, isWithout ? withoutTools(asked) : asked);
        const { json: whole } = await ask(vendor, asked);
        const [wanted] = expected.choices;
        const [given] = whole.choices;
        assert.ok(wanted && given);
        assert.equal(given.message.content, wanted.message.content);
        assert.deepEqual(callsOf(given.message), callsOf(wanted.message));
        assert.equal(given.finish_reason, wanted.finish_reason);
        const usage = usageOf(expected);
        assert.deepEqual(usageOf(whole), usage);
        for (const directive of what.includes("takes nothing") ? ["", " simulate.split_bytes=3"] : [""]) {
          const messages = (asked as { messages: { role: string; content?: unknown }[] }).messages;
          const said = messages.map((one) =>
            one.role === "user" && typeof one.content === "string" ? { ...one, content: one.content + directive } : one,
          );
          const { chunks, isBroken } = await stream(vendor, { ...asked, messages: said });
          const again = { ...asked, messages: said };
          const { json: same } = await ask(openai, isWithout ? withoutTools(again) : again);
          const { content, calls, finishes } = assemble(chunks);
          assert.equal(isBroken, false);
          assert.equal(content, same.choices[0]?.message.content ?? "");
          assert.deepEqual(calls, callsOf(same.choices[0]?.message ?? assert.fail()));
          assert.deepEqual(finishes, [wanted.finish_reason]);
          assert.deepEqual(usageOf(chunks.findLast((chunk) => chunk.usage)), usageOf(same));
        }
      });
    }

    test("W35: an error stands for what OpenAI's stands for, with its hint when to come back", async () => {
      for (const error of ["400", "401", "402", "403", "404", "429", "500", "502", "503", "504", "529"]) {
        const failureOf = async (at: VendorProvider) => {
          const answer = await send(at, { messages: user(`Hi simulate.error=${error} simulate.retry_after=7`) });
          assert.equal(String(answer.status), error);
          assert.equal(answer.headers.get("retry-after"), "7");
          const body: unknown = await answer.json();
          return toUpstreamFailure({ model: "m", status: answer.status, body, retryAfterMs: 7_000 }).type.code;
        };
        assert.equal(await failureOf(vendor), await failureOf(openai), error);
      }
    });

    test("W3, W8, W11: a stream that is cut, broken off or ends in an error never ends well", async () => {
      for (const fault of ["cut", "end", "stream_error"]) {
        const asked = { messages: user(`Hi simulate.tokens=9 simulate.${fault}_after_tokens=3`) };
        const { chunks, isBroken, isDone } = await stream(vendor, asked);
        const { content, finishes } = assemble(chunks);
        assert.ok(content.length > 5, fault);
        assert.deepEqual([finishes, isDone], [[], false], fault);
        if (fault === "cut") assert.equal(isBroken, true);
        if (fault !== "stream_error" || isBroken) continue;
        assert.ok(
          chunks.some((chunk) => isFailure(findInBandFailure("m", chunk))),
          "an error event",
        );
      }
    });

    test("a key is taken only where the vendor looks for it, and only the right one", async () => {
      for (const secret of ["another-key", "AKIDEXAMPLE:another", ""]) {
        const { status } = await send(vendor, { messages: user("Hi") }, secret);
        assert.ok(status === 401 || status === 403, `${status}`);
      }
    });

    test("what was thought is shown where the vendor shows it, and counted", async () => {
      const summary = vendor.name === "responses" ? { reasoning: { summary: "auto" } } : {};
      const asked = { messages: user("Hi simulate.reasoning_tokens=7 simulate.tokens=5"), ...summary };
      const { json } = await ask(vendor, asked);
      const { chunks } = await stream(vendor, asked);
      const shown = ["azure", "replicate"].includes(vendor.name) ? "" : "A simulated thought.";
      assert.equal(json.choices[0]?.message.reasoning_content ?? "", shown);
      assert.equal(assemble(chunks).reasoning, shown);
      for (const usage of [readUsage(json), readUsage(chunks.findLast((chunk) => chunk.usage))]) {
        assert.equal((usage?.outputTokens ?? 0n) + (usage?.otherBuckets?.reasoning ?? 0n), 12n);
      }
    });
  });
}

test("what Bedrock is sent is signed over whichever headers the signature names, and its errors are named in the head", async () => {
  const body = JSON.stringify({ messages: [{ role: "user", content: [{ text: "Hi simulate.error=429" }] }] });
  const { host } = new URL(simulator.url);
  const path = "/model/simulated-chat/converse";
  const sent = { method: "POST", authority: host, path, body: Buffer.from(body), nowMs: clock.nowMs() };
  const scope = { region: "us-east-1", service: "bedrock" };
  const headers = signRequest(sent, { accessKeyId: "AKIDEXAMPLE", secretAccessKey: apiKey }, scope, {
    "content-type": "application/json",
    "x-of-the-caller": "as it was",
  });
  const answer = await fetch(simulator.url + path, { method: "POST", headers, body });
  assert.deepEqual([answer.status, answer.headers.get("x-amzn-errortype")], [429, "ThrottlingException"]);
  const changed = { ...headers, "x-of-the-caller": "as it was not" };
  const refused = await fetch(simulator.url + path, { method: "POST", headers: changed, body });
  assert.deepEqual([refused.status, refused.headers.get("x-amzn-errortype")], [403, "AccessDeniedException"]);
});

test("documents are ranked where Cohere ranks them, and OpenAI's paths stand below /openai too", async () => {
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
  const post = async (path: string, asked: object) =>
    (await fetch(simulator.url + path, { method: "POST", headers, body: JSON.stringify(asked) })).json();
  const ranked = await post("/v2/rerank", { model: "simulated-rerank", query: "a cat", documents: ["a dog", "a cat"] });
  assert.equal((ranked as { results: { index: number }[] }).results[0]?.index, 1);
  const tooSoon = { model: "simulated-rerank", query: "simulate.error=429", documents: ["a"] };
  assert.deepEqual(Object.keys(Object(await post("/v2/rerank", tooSoon))), ["message"]);
  const asked = { model: "simulated-chat", messages: user("Hi simulate.tokens=3") };
  const { object, usage } = Object(await post("/openai/v1/chat/completions", asked));
  assert.deepEqual([object, usage.completion_tokens], ["chat.completion", 3]);
});
