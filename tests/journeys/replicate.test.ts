import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, request } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { versionOf } from "@lyss/services/ai-gateway/simulator/serve-predictions.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import OpenAI, { APIError } from "openai";
import { listUsage, waitForNoHold } from "../read-money.ts";
import { runPlatform } from "../run-platform.ts";

// Calls that are predictions at Replicate: waited for, asked for again, streamed at another host, and cancelled.

const scope = closeInReverse({ after });
const apiKey = "a-key";
/** What came to the host of streams. */
const streamed: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = [];
const streamHost = createServer((req, res) => {
  streamed.push({ path: req.url ?? "", headers: req.headers });
  const behind = request(`${simulator.url}${req.url}`, (answer) => {
    res.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.on("error", () => res.destroy()).pipe(res);
  });
  behind.on("error", () => res.destroy()).end();
  res.on("close", () => behind.destroy());
});
streamHost.listen(0, "127.0.0.1");
await once(streamHost, "listening");
scope.after(async () => {
  streamHost.closeAllConnections();
  streamHost.close();
});
const streamOrigin = `http://127.0.0.1:${(streamHost.address() as AddressInfo).port}`;
const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey, streamOrigin });
scope.after(simulator.stop);

const provider = { dialect: "replicate", baseUrl: `${simulator.url}/v1`, apiKey };
const priced = { inputUsdPerMillion: "1", outputUsdPerMillion: "2", upstreamName: "meta/simulated-chat" };
const platform = await runPlatform(scope, {
  config: {
    aiGateway: { simulator: false },
    log: { level: "error" },
    providers: [
      {
        ...{ ...provider, name: "replicate", streamOrigins: [streamOrigin] },
        models: [
          { ...priced, name: "llama" },
          { ...priced, name: "pinned", upstreamName: `someone/else:${versionOf("simulated-chat")}` },
          { ...priced, name: "outdated", upstreamName: `someone/else:${versionOf("nothing")}` },
          {
            ...{ name: "flux", upstreamName: "black-forest-labs/simulated-image", inputUsdPerMillion: "0" },
            imagePrices: [{ size: "1024x1024", usd: "0.01" }],
          },
        ],
      },
      // Its streams come from a host that nobody has named.
      { ...provider, name: "elsewhere", models: [{ ...priced, name: "lured" }] },
    ],
  },
});
const { url } = platform;
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: platform.apiKey, maxRetries: 0 });
const user = (content: string) => [{ role: "user" as const, content }];
const pathsOf = (pattern: RegExp) => simulator.callLog.map(({ path }) => path).filter((path) => pattern.test(path));
/** What an answer costs as it is counted by who made it. */
const costOf = (usage: OpenAI.CompletionUsage | null | undefined) =>
  String((usage?.prompt_tokens ?? 0) * 1_000 + (usage?.completion_tokens ?? 0) * 2_000);

async function costsOf(answer: Response): Promise<string | undefined> {
  const id = answer.headers.get("lyss-call-id");
  let cost: string | undefined;
  await waitUntil(async () => {
    cost = (await listUsage(platform)).find((row) => row.id === id)?.cost_nanos;
    return cost !== undefined;
  });
  return cost;
}

test("a chat of OpenAI's SDK is a prediction that is waited for, and costs the tokens that it tells", async () => {
  const asked = { model: "llama", messages: user("Hi simulate.tokens=7"), max_tokens: 7 };
  const { data, response } = await client.chat.completions.create(asked).withResponse();
  assert.equal(response.headers.get("lyss-provider"), "replicate");
  assert.deepEqual([data.model, data.usage?.completion_tokens], ["llama", 7]);
  assert.equal(data.choices[0]?.finish_reason, "length");
  assert.equal(await costsOf(response), costOf(data.usage));
  assert.deepEqual(pathsOf(/^\/v1\/predictions\//), [], "it is not asked for again");
});

test("a model with its version is asked for by that, and one that Replicate does not have is no mistake of the caller's", async () => {
  const asked = { messages: user("Hi simulate.tokens=7") };
  const { choices } = await client.chat.completions.create({ ...asked, model: "pinned" });
  const byName = await client.chat.completions.create({ ...asked, model: "llama" });
  assert.equal(choices[0]?.message.content, byName.choices[0]?.message.content);
  assert.equal(pathsOf(/^\/v1\/predictions$/).length, 1);
  const outdated = client.chat.completions.create({ ...asked, model: "outdated" });
  await assert.rejects(outdated, (err) => err instanceof APIError && err.status === 502);
});

test("a prediction that is not over when Replicate lets go is asked for until it is", async () => {
  const messages = user("Hi simulate.tokens=5 simulate.delay_ms=900");
  const { choices, usage } = await client.chat.completions.create({ model: "llama", messages });
  assert.deepEqual([choices[0]?.finish_reason, usage?.completion_tokens], ["stop", 5]);
  assert.ok(pathsOf(/^\/v1\/predictions\/\w+$/).length > 0);
  assert.deepEqual(pathsOf(/\/cancel$/), []);
});

test("a stream is read at the host that is named for it, without the key, and ends with what it cost", async () => {
  for (const directive of ["", " simulate.split_bytes=3"]) {
    const messages = user(`Hi simulate.tokens=20${directive}`);
    const whole = await client.chat.completions.create({ model: "llama", messages });
    const asked = { model: "llama", messages, stream: true, stream_options: { include_usage: true } } as const;
    const { data, response } = await client.chat.completions.create(asked).withResponse();
    let text = "";
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of data) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, whole.choices[0]?.message.content);
    assert.deepEqual(usage?.completion_tokens, 20);
    assert.equal(await costsOf(response), costOf(usage));
  }
  assert.equal(streamed.length, 2);
  for (const { path, headers } of streamed) {
    assert.match(path, /^\/v1\/streams\/\w+$/);
    assert.equal(headers.authorization, undefined);
  }
});

test("an address of a stream that nobody has named is not asked, and the prediction is cancelled", async () => {
  const before = streamed.length;
  const canceled = pathsOf(/\/cancel$/).length;
  const call = client.chat.completions.create({
    model: "lured",
    messages: user("Hi simulate.delay_ms=60000"),
    stream: true,
  });
  await assert.rejects(call, (err) => err instanceof APIError && err.status === 502);
  assert.equal(streamed.length, before);
  await waitUntil(async () => pathsOf(/\/cancel$/).length === canceled + 1);
});

test("who leaves ends the prediction at Replicate, within a stream and before a whole answer", async () => {
  const canceled = pathsOf(/\/cancel$/).length;
  const slow = user("Hi simulate.tokens=400 simulate.token_delay_ms=50");
  const stream = await client.chat.completions.create({ model: "llama", messages: slow, stream: true });
  for await (const { choices } of stream) if (choices[0]?.delta.content) break;
  stream.controller.abort();
  await waitUntil(async () => pathsOf(/\/cancel$/).length === canceled + 1);
  const abort = new AbortController();
  const polled = pathsOf(/^\/v1\/predictions\/\w+$/).length;
  const whole = client.chat.completions.create({ model: "llama", messages: slow }, { signal: abort.signal });
  const left = assert.rejects(whole);
  await waitUntil(async () => pathsOf(/^\/v1\/predictions\/\w+$/).length > polled);
  abort.abort();
  await left;
  await waitUntil(async () => pathsOf(/\/cancel$/).length === canceled + 2);
  await waitForNoHold(platform);
});

test("a stream that breaks off, or whose prediction fails, ends with an error and never well", async () => {
  for (const fault of ["cut_after_tokens=3", "end_after_tokens=3", "stream_error_after_tokens=3"]) {
    const messages = user(`Hi simulate.tokens=9 simulate.${fault}`);
    const stream = await client.chat.completions.create({ model: "llama", messages, stream: true });
    let text = "";
    const read = async () => {
      for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
    };
    await assert.rejects(read, (err) => err instanceof APIError, fault);
    assert.ok(text.length > 0, fault);
  }
  const refused = client.chat.completions.create({
    ...{ model: "llama", messages: user("Hi simulate.finish_reason=content_filter") },
  });
  await assert.rejects(refused, (err) => err instanceof APIError && err.status === 400 && err.code !== null);
});

test("callers in another dialect have their answers from it, too", async () => {
  const anthropic = new Anthropic({ baseURL: url, apiKey: platform.apiKey, maxRetries: 0 });
  const asked = { model: "llama", max_tokens: 50, messages: user("Hi simulate.tokens=4") };
  const whole = await anthropic.messages.create(asked);
  const final = await anthropic.messages.stream(asked).finalMessage();
  assert.deepEqual(final.content, whole.content);
  assert.deepEqual([final.stop_reason, final.usage.output_tokens], ["end_turn", 4]);
});

test("images come as addresses, and each costs its price", async () => {
  const asked = { model: "flux", prompt: "a cat", n: 2, size: "1024x1024" } as const;
  const { data, response } = await client.images.generate(asked).withResponse();
  assert.equal(data.data?.length, 2);
  assert.ok(data.data?.every((image) => image.url?.startsWith("data:image/png;base64,")));
  assert.equal(await costsOf(response), "20000000");
});
