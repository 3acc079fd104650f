import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { readRequest } from "./call/read-request.ts";
import type { Model } from "./model.ts";
import { quirksOf } from "./provider-quirks.ts";
import { openAiWire } from "./providers/openai.ts";
import type { WireProvider } from "./providers/wire.ts";

const messages = [{ role: "user", content: "hi" }];
const modelOf = (upstreamName: string) => ({ name: "m", upstreamName, maxOutputTokens: 9 }) as Model;

function send(provider: WireProvider, upstreamName: string, fields: string, limit?: number): string {
  const body = Buffer.from(`{"model":"m","messages":${JSON.stringify(messages)},${fields}}`);
  return openAiWire.draft(readRequest("chat", body), modelOf(upstreamName), provider).toBody(limit).toString();
}

const openai = { baseUrl: "https://api.openai.com/v1" };
const mistral = { baseUrl: "https://api.mistral.ai/v1" };
const groq = { baseUrl: "https://api.groq.com/openai/v1" };
const parse = (text: string) => JSON.parse(text) as Record<string, unknown>;

test("W13: a limit has the name that the model takes, there and back, also one that money sets", () => {
  assert.equal(parse(send(openai, "gpt-5", '"max_tokens":7'))["max_completion_tokens"], 7);
  assert.equal(parse(send(openai, "o3-mini", '"max_tokens":7', 5))["max_completion_tokens"], 5);
  assert.equal(parse(send(openai, "gpt-4o", '"max_tokens":7'))["max_tokens"], 7);
  const sent = parse(send(mistral, "mistral-large-latest", '"max_completion_tokens":7,"seed":3,"store":false', 5));
  assert.deepEqual([sent["max_tokens"], sent["random_seed"]], [5, 3]);
  for (const name of ["max_completion_tokens", "seed", "store"]) assert.ok(!(name in sent), name);
  // Where the other name stands too, the vendor's own has the word.
  assert.equal(parse(send(mistral, "m", '"max_completion_tokens":7,"max_tokens":4'))["max_tokens"], 4);
});

test("W14: what a reasoning model does not take is refused by name, or left out where the provider says so", () => {
  for (const name of ["temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs"]) {
    const fields = `"${name}":${name === "logprobs" ? true : 0.5}`;
    const isNamed = (err: unknown) => isFailure(err) && err.details["param"] === name;
    assert.throws(() => send(openai, "gpt-5-mini-2025-08-07", fields), isNamed, name);
    const dropped = send({ ...openai, unsupportedParameters: "drop" }, "gpt-5", fields);
    assert.ok(!(name in parse(dropped)), name);
    assert.ok(name in parse(send(openai, "gpt-5.1", fields)), "from gpt-5.1 on it is the vendor's to say");
    assert.ok(name in parse(send(openai, "gpt-5-chat-latest", fields)));
  }
  assert.throws(
    () => send({ ...groq, unsupportedParameters: "drop" }, "llama", '"n":2'),
    "another answer than was asked for",
  );
  assert.ok(!("n" in parse(send(groq, "llama", '"n":1'))));
  const [told] = parse(
    openAiWire
      .draft(
        readRequest("chat", Buffer.from('{"model":"m","messages":[{"role":"developer","content":"x"}]}')),
        modelOf("mistral-small"),
        mistral,
      )
      .toBody(undefined)
      .toString(),
  )["messages"] as { role: string }[];
  assert.equal(told?.role, "system");
});

test("W15, W16: what nobody knows passes byte for byte, and what is changed keeps the digits of its numbers and its order", () => {
  const own = '"vendor_field": {"a":[1,2]},   "seed":12345678901234567890';
  const asIs = send(openai, "m", own);
  assert.ok(asIs.includes(own));
  const changed = send(mistral, "m", own);
  assert.ok(changed.includes('"vendor_field":{"a":[1,2]},"random_seed":12345678901234567890'), changed);
});

test("addresses that the table does not know have no peculiarities", () => {
  const model = modelOf("gpt-5");
  assert.equal(quirksOf({ baseUrl: "https://relay.example/v1" }, model), undefined);
  assert.ok(parse(send({ baseUrl: "https://relay.example/v1" }, "gpt-5", '"temperature":0.5'))["temperature"]);
});
