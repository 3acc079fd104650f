import type { OtherBucket } from "@lyss/contracts/pricing/token-price.ts";

/** Where a provider comes from: the operator's file or environment, the built-in simulator, or a tenant's own call. */
export type ProviderSource = "config" | "simulator" | "tenant";

/** The price of an image in US dollars. */
export interface ImagePrice {
  readonly size?: string | undefined;
  readonly quality?: string | undefined;
  readonly usd: string;
}

/** The price of a second of video in US dollars. */
export interface VideoPrice {
  readonly size: string;
  readonly usdPerSecond: string;
}

/**
 * How a model is asked to go on with an answer that is begun: by a last message of the assistant's as it is (`plain`), with that field true
 * in it (`prefix`, `partial`), or as vLLM and SGLang have it, with `continue_final_message` beside the messages.
 */
export const prefillForms = ["plain", "prefix", "partial", "continue_final_message"] as const;
export type PrefillForm = (typeof prefillForms)[number];

/** In what numbers a model's weights are kept where it runs, as OpenRouter names them. */
export const quantizations = ["int4", "int8", "fp4", "fp6", "fp8", "fp16", "bf16", "fp32"] as const;
export type Quantization = (typeof quantizations)[number];

/** A model as callers name it, at one provider. */
export interface Model {
  readonly name: string;
  /** What is said of its price where it is configured: all three or none. Without them the price book has the word. */
  readonly inputUsdPerMillion: string | undefined;
  readonly cachedInputUsdPerMillion: string | undefined;
  readonly outputUsdPerMillion: string | undefined;
  /** What is said of the price of what is no text; the price book has the word where nothing is. */
  readonly unitUsdPerMillion?: Partial<Record<OtherBucket, string>> | undefined;
  /** What an image costs, by what it is like: one without a size or quality is for all; the model's own price where none fits. */
  readonly imagePrices?: readonly ImagePrice[] | undefined;
  /** What a second of video costs, by its size. */
  readonly videoPrices?: readonly VideoPrice[] | undefined;
  readonly maxOutputTokens: number;
  /** True when its streams show all that is charged as output. */
  readonly showsAllOutput: boolean;
  /** What the provider calls it. */
  readonly upstreamName: string;
  /** How it is asked to go on with an answer that is begun; undefined where only what is known of its provider counts. */
  readonly prefill?: PrefillForm | undefined;
  /** As whoever adds it says; undefined where nobody does. */
  readonly quantization?: Quantization | undefined;
}

/**
 * What happens upstream when a caller leaves: the call is ended, for providers that then stop charging, or read on to the usage
 * that the provider reports at its end.
 */
export type OnDisconnect = "cancel" | "drain";

/** APIs that providers speak; `providers/` has a wire for each. */
export const providerDialects = [
  "openai",
  "responses",
  "anthropic",
  "gemini",
  "bedrock",
  "cohere",
  "vertex",
  "azure",
  "elevenlabs",
  "deepgram",
  "replicate",
] as const;
export type ProviderDialect = (typeof providerDialects)[number];

/** What becomes of a parameter that a model is known not to take: the call is refused, or goes without it. */
export const unsupportedParametersModes = ["refuse", "drop"] as const;
export type UnsupportedParameters = (typeof unsupportedParametersModes)[number];

/**
 * What a provider does with prompts, as whoever adds it says: it may keep or learn from them, it keeps them for a time against abuse alone, or
 * it keeps nothing. Who says nothing may do the first.
 */
export const dataPolicies = ["unknown", "collects", "retains", "zero_retention"] as const;
export type DataPolicy = (typeof dataPolicies)[number];

export interface Provider {
  readonly providerId: string;
  /** Empty for those that every tenant may use. */
  readonly tenantId: string;
  readonly name: string;
  readonly dialect: ProviderDialect;
  /** Without a slash at the end. */
  readonly baseUrl: string;
  readonly source: ProviderSource;
  /** Empty when the provider needs no key. */
  readonly credentialId: string;
  readonly models: readonly Model[];
  readonly onDisconnect: OnDisconnect;
  /** The version of Azure's dated API; the wire's own where it is empty or left out. */
  readonly apiVersion?: string;
  /** Other origins than those its wire knows at which its answers may stream; only an operator names them. */
  readonly streamOrigins?: readonly string[];
  /** `refuse` where it is left out. */
  readonly unsupportedParameters?: UnsupportedParameters;
  /** `unknown` where it is left out. */
  readonly dataPolicy?: DataPolicy;
  /** Where prompts are worked on, such as `eu` or `eu-central-1`, as whoever adds it says; not known where it is empty or left out. */
  readonly region?: string;
  /** Whether callers may use tools that run there, and what else is charged apart from tokens; always at a tenant's own. */
  readonly serverTools: boolean;
  readonly createdAt: Date;
}

/** A model at a provider: where a call can go. */
export interface Target {
  readonly provider: Provider;
  readonly model: Model;
}

/** Nanos of the currency per million tokens, from a decimal string of dollars with at most nine decimals. */
export function usdToNanos(decimal: string): bigint {
  const [units = "0", fraction = ""] = decimal.split(".");
  return BigInt(units) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/** A base URL as a provider holds it. */
export function withoutEndSlash(baseUrl: string): string {
  return baseUrl.replace(/\/+$/, "");
}

/** Where an endpoint of a provider stands on its origin. */
export function pathAt(provider: Pick<Provider, "baseUrl">, endpoint: string): string {
  return withoutEndSlash(new URL(provider.baseUrl).pathname) + endpoint;
}

/** The origin to which a provider's secret may be sent. */
export function originOf(provider: Pick<Provider, "baseUrl">): string {
  return new URL(provider.baseUrl).origin;
}

/** True when a key that is limited to `allowed` may use the model; an empty list allows all. */
export function isModelAllowed(allowed: readonly string[], model: string): boolean {
  return allowed.length === 0 || allowed.includes(model);
}
