import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { closeInReverse, type TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { type VendorProvider, vendorProviders } from "@lyss/services/ai-gateway/simulator/vendor-providers.ts";
import { type RunningPlatform, runPlatform } from "../run-platform.ts";
import { startTlsFront } from "../tls-front.ts";
import type { Place } from "./clients/client.ts";

/** One platform with a model at each vendor's wire. */
export interface VendorPlatform {
  readonly platform: RunningPlatform;
  /** In the order of the page's columns. */
  readonly vendors: readonly VendorProvider[];
  placeOf(vendor: VendorProvider): Place;
  untilLeft(): Promise<void>;
}

/** Wires that vectors can be asked of. */
const withVectors: readonly string[] = ["openai", "responses", "gemini", "azure", "cohere"];

/** Wires of sessions in which a model hears and speaks. */
const withVoice: readonly string[] = ["openai"];

/** Wires that the simulated provider's batches speak. */
const withBatches = ["openai", "anthropic", "gemini"];

/** Starts the simulated provider and a platform that speaks to it as to each vendor; both end with the scope. */
export async function runVendorPlatform(t: TestScope): Promise<VendorPlatform> {
  const scope = closeInReverse(t);
  const apiKey = "a-key";
  const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey });
  scope.after(simulator.stop);
  const vendors = vendorProviders.filter(({ name }) => name !== "bedrock-key");
  const priced = { inputUsdPerMillion: "1", outputUsdPerMillion: "2" };
  const platform = await runPlatform(scope, {
    config: {
      mcpServers: [{ name: "tools", url: `${simulator.url}/mcp`, headers: { authorization: `Bearer ${apiKey}` } }],
      aiGateway: { simulator: false, batches: { providers: withBatches } },
      log: { level: "warn" },
      providers: vendors.map(({ name, dialect, path, modelPrefix, toSecret }) => ({
        ...{ name, dialect, baseUrl: `${simulator.url}${path}`, apiKey: toSecret(apiKey) },
        unsupportedParameters: "drop",
        models: [
          { ...priced, name: `${name}-chat`, upstreamName: `${modelPrefix}simulated-chat` },
          ...(withVectors.includes(name)
            ? [{ ...priced, name: `${name}-vectors`, upstreamName: "simulated-embedding" }]
            : []),
          ...(withVoice.includes(name)
            ? [{ ...priced, name: `${name}-voice`, upstreamName: "simulated-realtime" }]
            : []),
        ],
      })),
    },
  });

  const secureUrl = await startTlsFront(scope, platform.url);

  async function untilLeft(): Promise<void> {
    const endMs = performance.now() + 20_000;
    while (simulator.openCalls > 0) {
      if (performance.now() > endMs) assert.fail("the vendor still answers who has left");
      await setImmediate();
    }
  }

  const placeOf = (vendor: VendorProvider): Place => ({
    ...{ url: platform.url, apiKey: platform.apiKey, vendor, untilLeft, model: `${vendor.name}-chat` },
    ...{ secureUrl, voiceModel: withVoice.includes(vendor.name) ? `${vendor.name}-voice` : undefined },
    takesBatches: withBatches.includes(vendor.name),
    vectorModel: withVectors.includes(vendor.name) ? `${vendor.name}-vectors` : undefined,
  });
  return { platform, vendors, placeOf, untilLeft };
}
