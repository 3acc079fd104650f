// Writes services/ai-gateway/provider-presets.json: the models offered when a vendor's key stands in the
// environment. Run after updating @pydantic/genai-prices: `node tools/import-presets.ts`.
import { readFileSync, writeFileSync } from "node:fs";
import { findProvider } from "@pydantic/genai-prices";

/** OpenAI-compatible vendors: where they are and which variable holds their key, by their own documentation. */
const vendors = [
  { name: "openai", id: "openai", env: "OPENAI_API_KEY", baseUrl: "https://api.openai.com/v1" },
  { name: "groq", id: "groq", env: "GROQ_API_KEY", baseUrl: "https://api.groq.com/openai/v1" },
  { name: "mistral", id: "mistral", env: "MISTRAL_API_KEY", baseUrl: "https://api.mistral.ai/v1" },
  { name: "xai", id: "x-ai", env: "XAI_API_KEY", baseUrl: "https://api.x.ai/v1" },
  { name: "moonshot", id: "moonshotai", env: "MOONSHOT_API_KEY", baseUrl: "https://api.moonshot.ai/v1" },
  { name: "together", id: "together", env: "TOGETHER_API_KEY", baseUrl: "https://api.together.xyz/v1" },
  { name: "cerebras", id: "cerebras", env: "CEREBRAS_API_KEY", baseUrl: "https://api.cerebras.ai/v1" },
];

/** Audio, images and the like are not sold by the token. */
const otherUnits = /audio|realtime|transcribe|tts|whisper|image|dall|moderation|ocr|search|research|voice|video|veo/;

interface Matcher {
  readonly equals?: string;
  readonly or?: readonly Matcher[];
}

function isCalled(match: Matcher, id: string): boolean {
  return match.equals === id || (match.or ?? []).some((part) => isCalled(part, id));
}

const presets = vendors.map(({ id, ...vendor }) => {
  const models = (findProvider({ providerId: id })?.models ?? []).flatMap((model) => {
    const { prices } = model;
    if (otherUnits.test(model.id) || !isCalled(model.match as Matcher, model.id) || Array.isArray(prices)) return [];
    const isPlain = typeof prices.input_mtok === "number" && typeof (prices.output_mtok ?? 0) === "number";
    return isPlain ? [model.id] : [];
  });
  return { ...vendor, models };
});

const manifestFile = new URL("../node_modules/@pydantic/genai-prices/package.json", import.meta.url);
const manifest = JSON.parse(readFileSync(manifestFile, "utf8"));
const source = `${manifest.name} ${manifest.version}, ${manifest.license}`;
const file = new URL("../services/ai-gateway/provider-presets.json", import.meta.url);
writeFileSync(file, `${JSON.stringify({ source, presets }, null, 1)}\n`);
