import assert from "node:assert/strict";
import { after, test } from "node:test";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import OpenAI from "openai";
import { listUsage, waitForNoCall } from "../read-money.ts";
import { requestJson, runPlatform } from "../run-platform.ts";
import { serviceAccount, startClouds } from "../vendors/clouds.ts";

const scope = closeInReverse({ after });
const clouds = await startClouds(scope);
const priced = { inputUsdPerMillion: "1", outputUsdPerMillion: "2" };
const vertex = `${clouds.url}/v1/projects/p/locations/global`;
const platform = await runPlatform(scope, {
  config: {
    aiGateway: { googleTokenUrl: `${clouds.url}/token` },
    providers: [
      {
        ...{ name: "cohere", dialect: "cohere", baseUrl: clouds.url, apiKey: "a key", unsupportedParameters: "drop" },
        models: [
          { ...priced, name: "command" },
          { ...priced, name: "embed" },
        ],
      },
      {
        ...{ name: "vertex", dialect: "vertex", baseUrl: vertex, apiKey: serviceAccount },
        models: [
          { ...priced, name: "flash", upstreamName: "gemini-3-flash" },
          { ...priced, name: "sonnet", upstreamName: "claude-sonnet-4-6" },
        ],
      },
      {
        ...{ name: "azure", dialect: "azure", baseUrl: `${clouds.url}/openai`, apiKey: "a key" },
        ...{ apiVersion: "2025-04-01-preview", models: [{ ...priced, name: "gpt", upstreamName: "mine" }] },
      },
    ],
  },
});
const client = new OpenAI({ baseURL: `${platform.url}/v1`, apiKey: platform.apiKey, maxRetries: 0 });
const messages = [{ role: "user" as const, content: "Hi" }];

test("W45: models at Cohere, on Vertex AI and on Azure answer OpenAI's SDK, and are charged as they report", async () => {
  for (const model of ["command", "flash", "sonnet", "gpt"]) {
    const { choices, usage, ...answer } = await client.chat.completions.create({ model, messages });
    assert.deepEqual([answer.model, choices[0]?.message.content, choices[0]?.finish_reason], [model, "Hello", "stop"]);
    assert.deepEqual([usage?.prompt_tokens, usage?.completion_tokens], [10, 4]);
  }
  assert.equal(clouds.asked.filter(({ path }) => path === "POST /token").length, 1, "a token is lent once");
  await waitForNoCall(platform);
  const costs = (await listUsage(platform)).map((row) => row.cost_nanos);
  assert.deepEqual(
    costs,
    Array.from({ length: 4 }, () => String(10 * 1_000 + 4 * 2_000)),
  );
});

test("W47: the SDK asks for base64 and gets the numbers that Cohere gave", async () => {
  const { data, usage } = await client.embeddings.create({ model: "embed", input: "Hi" });
  assert.deepEqual([data[0]?.embedding, usage.prompt_tokens], [[0.5, 0.25], 10]);
});

test("W14: what a model does not take is left out where its provider says so, and refused by name elsewhere", async () => {
  const asked = { messages, logprobs: true };
  const { choices } = await client.chat.completions.create({ model: "command", ...asked });
  assert.equal(choices[0]?.message.content, "Hello");
  assert.ok(!String(clouds.asked.at(-1)?.bytes).includes("logprobs"));
  await assert.rejects(client.chat.completions.create({ model: "flash", ...asked }), {
    status: 400,
    param: "logprobs",
  });
  const shown = await requestJson(`${platform.url}/api/v1/ai/providers/azure`, platform.apiKey);
  assert.deepEqual([shown.body["api_version"], shown.body["unsupported_parameters"]], ["2025-04-01-preview", "refuse"]);
});
