// Writes services/billing/prices/catalog.json: what well-known models cost, as billing keeps prices. Run after updating
// @pydantic/genai-prices: `node tools/import-price-catalog.ts`.
import { readFileSync, writeFileSync } from "node:fs";
import { type ConditionalPrice, findProvider, type ModelInfo, type ModelPrice } from "@pydantic/genai-prices";

/** Providers by the id of the source, what they are called here, and where they are, by their own documentation. */
const providers = [
  { id: "openai", hosts: ["api.openai.com"] },
  { id: "anthropic", hosts: ["api.anthropic.com"] },
  { id: "google", hosts: ["generativelanguage.googleapis.com"] },
  { id: "mistral", hosts: ["api.mistral.ai"] },
  { id: "groq", hosts: ["api.groq.com"] },
  { id: "x-ai", name: "xai", hosts: ["api.x.ai"] },
  { id: "deepseek", hosts: ["api.deepseek.com"] },
  { id: "moonshotai", name: "moonshot", hosts: ["api.moonshot.ai", "api.moonshot.cn"] },
  { id: "together", hosts: ["api.together.xyz"] },
  { id: "cerebras", hosts: ["api.cerebras.ai"] },
  { id: "fireworks", hosts: ["api.fireworks.ai"] },
  { id: "cohere", hosts: ["api.cohere.ai", "api.cohere.com"] },
  { id: "perplexity", hosts: ["api.perplexity.ai"] },
  { id: "zhipuai", hosts: ["open.bigmodel.cn"] },
  { id: "zai", hosts: ["api.z.ai"] },
  { id: "voyageai", hosts: ["api.voyageai.com"] },
];

/** Their names of prices per million tokens, and our buckets. */
const buckets: Readonly<Record<string, string>> = {
  input_mtok: "input",
  cache_read_mtok: "cacheRead",
  cache_write_mtok: "cacheWrite5m",
  cache_write_1h_mtok: "cacheWrite1h",
  output_mtok: "output",
  output_reasoning_mtok: "reasoning",
  input_audio_mtok: "audioInput",
  output_audio_mtok: "audioOutput",
  input_image_mtok: "imageInput",
  output_image_mtok: "imageOutput",
};

/** Prices of what calls do not report, which change nothing about the rest. */
const passedOver = new Set([
  ...["web_searches_kcount", "storage_searches_kcount", "cache_audio_read_mtok", "cache_image_read_mtok"],
]);

type Rates = Record<string, string>;
interface Terms {
  readonly rates: Rates;
  readonly tiers?: readonly { readonly aboveInputTokens: string; readonly rates: Rates }[];
  readonly windows?: readonly { readonly fromMinute: number; readonly toMinute: number; readonly rates: Rates }[];
}

/** Whole nano-dollars of a price as its source wrote it: the shortest decimal of a double is what was written. Throws for a finer one. */
function toNanos(price: number): string {
  const [, units = "", fraction = "", exponent = "0"] = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(price)) ?? [];
  const decimals = fraction.length - Number(exponent);
  if (units === "" || decimals > 9) throw new RangeError(`${price} is no whole number of nano-dollars`);
  return (BigInt(units + fraction) * 10n ** BigInt(9 - decimals)).toString();
}

/** Undefined for a model that is not sold by the token alone: what is not understood would be free by accident. */
function toTerms(prices: ModelPrice): Terms | undefined {
  if (Object.keys(prices).some((name) => buckets[name] === undefined && !passedOver.has(name))) return undefined;
  const rates: Rates = {};
  const tiers = new Map<number, Rates>();
  for (const [name, price] of Object.entries(prices)) {
    const bucket = buckets[name];
    if (bucket === undefined || price === undefined) continue;
    if (typeof price === "number") {
      rates[bucket] = toNanos(price);
      continue;
    }
    rates[bucket] = toNanos(price.base);
    for (const tier of price.tiers) {
      tiers.set(tier.start, { ...tiers.get(tier.start), [bucket]: toNanos(tier.price) });
    }
  }
  if (rates["input"] === undefined) return undefined;
  const hasOutput = Object.keys(prices).some((name) => name.startsWith("output_"));
  if (hasOutput && rates["output"] === undefined) return undefined;
  const sorted = [...tiers].sort(([a], [b]) => a - b);
  return {
    // An embedding has no output.
    rates: { output: "0", ...rates },
    ...(sorted.length > 0 && {
      tiers: sorted.map(([start, ofTier]) => ({ aboveInputTokens: String(start), rates: ofTier })),
    }),
  };
}

/** Terms on a day: the last price that had begun, and those for times of day after it. */
function termsOn(today: string, { prices }: ModelInfo): Terms | undefined {
  if (!Array.isArray(prices)) return toTerms(prices);
  const begun = prices.filter((it) => !(it.constraint?.type === "start_date" && it.constraint.start_date > today));
  const base = begun.findLastIndex((it) => it.constraint?.type !== "time_of_date");
  const terms = begun[base] && toTerms(begun[base].prices);
  const windows = begun.slice(base + 1).flatMap((it) => toWindow(it) ?? []);
  return terms && { ...terms, ...(windows.length > 0 && { windows }) };
}

function toWindow({ constraint, prices }: ConditionalPrice) {
  const rates = toTerms(prices)?.rates;
  if (constraint?.type !== "time_of_date" || !rates) return undefined;
  return { fromMinute: toMinute(constraint.start_time), toMinute: toMinute(constraint.end_time), rates };
}

function toMinute(time: string): number {
  const [hours = 0, minutes = 0] = time.split(":").map(Number.parseFloat);
  return hours * 60 + minutes;
}

/** The names by which a model is called exactly; patterns would be a guess at a price. */
function namesOf(match: ModelInfo["match"], id: string): readonly string[] {
  const equal = "equals" in match ? [match.equals] : "or" in match ? match.or.flatMap((it) => namesOf(it, "")) : [];
  return [...new Set([...equal, ...(id === "" ? [] : [id])])];
}

const today = process.argv[2] ?? "";
if (!/^\d{4}-\d{2}-\d{2}$/.test(today)) throw new Error("Name the day whose prices are wanted: 2027-01-31.");
const catalog = providers.map(({ id, name = id, hosts }) => {
  const seen = new Set<string>();
  const models = (findProvider({ providerId: id })?.models ?? []).flatMap((model) => {
    const terms = termsOn(today, model);
    const names = namesOf(model.match, model.id).filter((it) => !seen.has(it));
    for (const it of names) seen.add(it);
    return terms && names.length > 0 ? [{ names, terms }] : [];
  });
  return { name, hosts, models };
});
const manifestFile = new URL("../node_modules/@pydantic/genai-prices/package.json", import.meta.url);
const manifest = JSON.parse(readFileSync(manifestFile, "utf8"));
const head = { source: `${manifest.name} ${manifest.version}`, license: manifest.license, pricesOf: today };
const file = new URL("../services/billing/prices/catalog.json", import.meta.url);
const body = catalog.map(
  ({ models, ...provider }) =>
    `${JSON.stringify(provider).slice(0, -1)},"models":[\n${models.map((it) => JSON.stringify(it)).join(",\n")}\n]}`,
);
writeFileSync(file, `${JSON.stringify(head).slice(0, -1)},"providers":[\n${body.join(",\n")}\n]}\n`);
