import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { runTool } from "../../../tools/run-tool.ts";
import { holdPart, type Row, toLegend, toTable } from "../../conformance/conformance-page.ts";
import { runPlatform } from "../../run-platform.ts";
import { bedrock } from "./bedrock-sdk.ts";
import { cerebras, groq, huggingFace, perplexity, together } from "./chat-sdks.ts";
import { cohere } from "./cohere-sdk.ts";
import { exercises, featuresOf } from "./exercises.ts";
import { replicate } from "./replicate-sdk.ts";
import { models, type Sdk, type SdkFeature, type SdkPlace, sdkFeatures } from "./sdk.ts";
import { mistral, openRouter } from "./typed-sdks.ts";
import { deepgram, elevenLabs } from "./voice-sdks.ts";
import { voyage } from "./voyage-sdk.ts";

const sdks: readonly Sdk[] = [
  ...[bedrock, cerebras, cohere, deepgram, elevenLabs, groq, huggingFace, mistral, openRouter, perplexity],
  ...[replicate, together, voyage],
];

const fileOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const { dependencies } = JSON.parse(readFileSync(fileOf("package.json"), "utf8"));
const scope = closeInReverse({ after });
const apiKey = "a-key";
const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey });
scope.after(simulator.stop);
const platform = await runPlatform(scope, {
  config: {
    ...{ aiGateway: { simulator: false, batches: { providers: ["vendor"] } }, log: { level: "warn" } },
    providers: [
      {
        ...{ name: "vendor", baseUrl: `${simulator.url}/v1`, apiKey },
        models: Object.values(models).map((name) => ({ name, inputUsdPerMillion: "1", outputUsdPerMillion: "2" })),
      },
    ],
  },
});

async function untilLeft(): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (simulator.openCalls > 0) {
    if (performance.now() > endMs) assert.fail("the vendor still answers who has left");
    await setImmediate();
  }
}

const places: readonly SdkPlace[] = [
  { name: "its vendor", url: simulator.url, apiKey, untilLeft },
  { name: "Lyss", url: platform.url, apiKey: platform.apiKey, untilLeft },
];

const rows = sdks.map((sdk): Row<SdkFeature> & { readonly cells: SdkFeature[][] } => {
  const cells = places.map((): SdkFeature[] => []);
  for (const [n, place] of places.entries()) {
    if (!sdk.places.includes(place.name)) continue;
    const speaker = sdk.open(place);
    for (const feature of featuresOf(sdk, speaker)) {
      test(`${sdk.package} at ${place.name}: ${feature}`, async () => {
        await exercises[feature](sdk, speaker, place);
        cells[n]?.push(feature);
      });
    }
  }
  return { client: sdk, version: dependencies[sdk.package], cells };
});

test("what is asked of each SDK is what its own types allow", async () => {
  const { isSuccess, output } = await runTool("tsc", ["-p", fileOf(".")]);
  assert.ok(isSuccess, output);
});

test("docs/conformance.md says what was found with vendors' own SDKs", () => {
  holdPart("sdk-letters", toLegend(sdkFeatures));
  holdPart(
    "sdks",
    toTable(
      sdkFeatures,
      places.map(({ name }) => name),
      rows,
    ),
  );
});
