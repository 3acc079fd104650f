// Brings the models of services/ai-gateway/provider-presets.json up to date: those at a vendor's address whose prices are well known
// and that are sold by the token. Run after tools/import-price-catalog.ts: `node tools/import-presets.ts`. All else in the file is
// written by hand, with the vendor's own documentation as its source.
import { writeFileSync } from "node:fs";
import file from "../services/ai-gateway/provider-presets.json" with { type: "json" };
import catalog from "../services/billing/prices/catalog.json" with { type: "json" };

/** Audio, images and the like are not sold by the token; tuned models are their owner's. */
const otherUnits =
  /audio|realtime|transcribe|tts|whisper|image|dall|moderation|ocr|search|research|voice|video|veo|^ft:|\.ft-|live/;

/** What the wires do not serve, goes by another name there, or takes less than the usual limit of an answer. */
const unserved: Readonly<Record<string, RegExp>> = {
  anthropic: /^claude-(v1|v2|2|instant|3-(opus|sonnet|haiku|5))/,
  gemini: /embed|^(?!gemini-\d)|^gemini-1\.0|:/,
};

function listModels(baseUrl: string, dialect: string): string[] {
  if (!URL.canParse(baseUrl)) return [];
  const { hostname } = new URL(baseUrl);
  const found = catalog.providers.find(({ hosts }) => (hosts as readonly string[]).includes(hostname));
  const names = (found?.models ?? []).flatMap((model): readonly string[] => model.names);
  return names.filter((name) => !otherUnits.test(name) && !unserved[dialect]?.test(name));
}

const presets = file.presets.map((preset) => ({ ...preset, models: listModels(preset.baseUrl, preset.dialect) }));
const prices = `${catalog.source} of ${catalog.pricesOf}, ${catalog.license}`;
const source = file.source.replace(/models: .*$/, `models: ${prices}`);
writeFileSync(
  new URL("../services/ai-gateway/provider-presets.json", import.meta.url),
  `${JSON.stringify({ source, presets }, null, 1)}\n`,
);
