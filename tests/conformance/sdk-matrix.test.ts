import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { GoogleGenAI } from "@google/genai";
import OpenAI, { BadRequestError } from "openai";
import { listUsage, type UsageRow, waitForUsage } from "../read-money.ts";
import { aiSdkClients } from "./clients/ai-sdk.ts";
import { anthropicMessages } from "./clients/anthropic.ts";
import { type Client, type Feature, features } from "./clients/client.ts";
import { googleGenAi } from "./clients/google.ts";
import { connectToTools, type ToolFeature, toolExercises, toolFeatures, toolModes } from "./clients/mcp.ts";
import { openAiChat, openAiEmbeddings, openAiResponses } from "./clients/openai.ts";
import { openAiRealtime } from "./clients/openai-realtime.ts";
import { openAiResponsesWs } from "./clients/openai-ws.ts";
import { holdPart, type Row, toLegend, toTable } from "./conformance-page.ts";
import { runVendorPlatform } from "./vendor-platform.ts";

// Public clients with nothing changed but the base URL, in front of a model at each vendor's wire; one platform serves all.
const { platform, vendors, placeOf, untilLeft } = await runVendorPlatform({ after });

const { devDependencies } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
const clients: readonly Client[] = [
  ...[
    openAiChat,
    openAiResponses,
    openAiResponsesWs,
    openAiEmbeddings,
    openAiRealtime,
    anthropicMessages,
    googleGenAi,
    ...aiSdkClients,
  ],
];
const rows: (Row<Feature> & { readonly client: Client })[] = clients.map((client) => ({
  ...{ client, version: devDependencies[client.package], cells: vendors.map((): Feature[] => []) },
}));

for (const { client, cells } of rows) {
  for (const [n, vendor] of vendors.entries()) {
    const place = placeOf(vendor);
    for (const [name, exercise] of Object.entries(client.features)) {
      const needsVectors = name === "vectors" || client === openAiEmbeddings;
      if (needsVectors && place.vectorModel === undefined) continue;
      if (client === openAiRealtime && place.voiceModel === undefined) continue;
      // OpenAI's batches are made of files, which lie at accounts that take files.
      const takesBatch = place.takesBatches && (client !== openAiChat || vendor.dialect === "openai");
      if (name === "batch" && !takesBatch) continue;
      test(`${client.package} (${client.name}) at ${vendor.name}: ${name}`, async () => {
        await exercise(place);
        (cells[n] as Feature[]).push(name as Feature);
      });
    }
  }
}

test("vectors are refused by name where a wire has none", async () => {
  const client = new OpenAI({ baseURL: `${platform.url}/v1`, apiKey: platform.apiKey, maxRetries: 0 });
  for (const { name } of vendors.filter((vendor) => placeOf(vendor).vectorModel === undefined)) {
    const call = client.embeddings.create({ model: `${name}-chat`, input: "Hi" });
    await assert.rejects(call, (err) => err instanceof BadRequestError && err.param === "model", name);
  }
});

test("a compaction is charged like every call, where its provider makes it and where the model is asked for a summary", async () => {
  const client = new OpenAI({ baseURL: `${platform.url}/v1`, apiKey: platform.apiKey, maxRetries: 0 });
  const input = `${"Compact what was said. ".repeat(50)}simulate.tokens=9`;
  for (const vendor of ["responses", "anthropic"]) {
    const { usage } = await client.responses.compact({ model: `${vendor}-chat`, input });
    const find = (rows: readonly UsageRow[]) => rows.find(({ input_tokens }) => input_tokens === usage.input_tokens);
    let rows = await listUsage(platform);
    while (!find(rows)) rows = await waitForUsage(platform, rows.length + 1);
    const row = find(rows);
    assert.deepEqual(
      [row?.model, row?.output_tokens, row?.cost_nanos],
      [`${vendor}-chat`, 9, String(usage.input_tokens * 1_000 + 9 * 2_000)],
    );
  }
});

test("a stream whose key stands where only Google's SDK puts it outlives each look at who it is for", async () => {
  const client = new GoogleGenAI({ apiKey: platform.apiKey, httpOptions: { baseUrl: platform.url } });
  const [vendor] = vendors;
  assert.ok(vendor);
  const asked = { model: placeOf(vendor).model, contents: "Hi simulate.tokens=50 simulate.token_delay_ms=60" };
  let tokens = 0;
  for await (const { usageMetadata } of await client.models.generateContentStream(asked)) {
    tokens = usageMetadata?.candidatesTokenCount ?? tokens;
  }
  assert.equal(tokens, 50);
});

const toolRow: Row<ToolFeature> & { readonly cells: ToolFeature[][] } = {
  client: { package: "@modelcontextprotocol/client", name: "tools" },
  ...{ version: devDependencies["@modelcontextprotocol/client"], cells: toolModes.map(() => []) },
};
for (const [n, mode] of toolModes.entries()) {
  for (const name of Object.keys(toolExercises) as ToolFeature[]) {
    test(`@modelcontextprotocol/client (${mode}): ${name}`, async () => {
      const place = { url: platform.url, apiKey: platform.apiKey, untilLeft };
      const client = await connectToTools(place, mode);
      await toolExercises[name](client, place).finally(() => client.close());
      toolRow.cells[n]?.push(name);
    });
  }
}

test("docs/conformance.md says what was found", () => {
  holdPart("letters", toLegend(features));
  holdPart("tool-letters", toLegend(toolFeatures));
  holdPart("tools", toTable(toolFeatures, toolModes, [toolRow]));
  holdPart(
    "node",
    toTable(
      features,
      vendors.map(({ name }) => name),
      rows,
    ),
  );
});
