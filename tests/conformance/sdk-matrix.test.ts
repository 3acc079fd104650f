import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { type VendorProvider, vendorProviders } from "@lyss/services/ai-gateway/simulator/vendor-providers.ts";
import OpenAI, { BadRequestError } from "openai";
import { runPlatform } from "../run-platform.ts";
import { aiSdkClients } from "./clients/ai-sdk.ts";
import { anthropicMessages } from "./clients/anthropic.ts";
import type { Client, Feature, Place } from "./clients/client.ts";
import { googleGenAi } from "./clients/google.ts";
import { openAiChat, openAiEmbeddings, openAiResponses } from "./clients/openai.ts";
import { holdPart, type Row, toLegend, toTable } from "./conformance-page.ts";

// Public clients with nothing changed but the base URL, in front of a model at each vendor's wire; one platform serves all.
const scope = closeInReverse({ after });
const apiKey = "a-key";
const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey });
scope.after(simulator.stop);

/** Wires that vectors can be asked of. */
const withVectors: readonly string[] = ["openai", "azure", "cohere"];
const vendors = vendorProviders.filter(({ name }) => name !== "bedrock-key");
const priced = { inputUsdPerMillion: "1", outputUsdPerMillion: "2" };
const platform = await runPlatform(scope, {
  config: {
    aiGateway: { simulator: false },
    log: { level: "warn" },
    providers: vendors.map(({ name, dialect, path, modelPrefix, toSecret }) => ({
      ...{ name, dialect, baseUrl: `${simulator.url}${path}`, apiKey: toSecret(apiKey) },
      unsupportedParameters: "drop",
      models: [
        { ...priced, name: `${name}-chat`, upstreamName: `${modelPrefix}simulated-chat` },
        ...(withVectors.includes(name)
          ? [{ ...priced, name: `${name}-vectors`, upstreamName: "simulated-embedding" }]
          : []),
      ],
    })),
  },
});

async function untilLeft(): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (simulator.openCalls > 0) {
    if (performance.now() > endMs) assert.fail("the vendor still answers who has left");
    await setImmediate();
  }
}

const placeOf = (vendor: VendorProvider): Place => ({
  ...{ url: platform.url, apiKey: platform.apiKey, vendor, untilLeft, model: `${vendor.name}-chat` },
  vectorModel: withVectors.includes(vendor.name) ? `${vendor.name}-vectors` : undefined,
});

const { devDependencies } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
const clients: readonly Client[] = [
  ...[openAiChat, openAiResponses, openAiEmbeddings, anthropicMessages, googleGenAi, ...aiSdkClients],
];
const rows: (Row & { readonly client: Client })[] = clients.map((client) => ({
  ...{ client, version: devDependencies[client.package], cells: vendors.map((): Feature[] => []) },
}));

for (const { client, cells } of rows) {
  for (const [n, vendor] of vendors.entries()) {
    const place = placeOf(vendor);
    for (const [name, exercise] of Object.entries(client.features)) {
      const needsVectors = name === "vectors" || client === openAiEmbeddings;
      if (needsVectors && place.vectorModel === undefined) continue;
      test(`${client.package} (${client.name}) at ${vendor.name}: ${name}`, async () => {
        await exercise(place);
        (cells[n] as Feature[]).push(name as Feature);
      });
    }
  }
}

test("vectors are refused by name where a wire has none", async () => {
  const client = new OpenAI({ baseURL: `${platform.url}/v1`, apiKey: platform.apiKey, maxRetries: 0 });
  for (const { name } of vendors.filter((vendor) => !withVectors.includes(vendor.name))) {
    const call = client.embeddings.create({ model: `${name}-chat`, input: "Hi" });
    await assert.rejects(call, (err) => err instanceof BadRequestError && err.param === "model", name);
  }
});

test("docs/conformance.md says what was found", () => {
  holdPart("letters", toLegend());
  holdPart(
    "node",
    toTable(
      vendors.map(({ name }) => name),
      rows,
    ),
  );
});
