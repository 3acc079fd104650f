import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { z } from "zod";
import type { ListedModel } from "./model-prices/list-models.ts";

/** Models as each dialect lists them, from the same names. */

export const openAiModel = z.strictObject({
  id: z.string(),
  object: z.literal("model"),
  created: z.int(),
  owned_by: z.string(),
});

export const anthropicModel = z.strictObject({
  type: z.literal("model"),
  id: z.string(),
  display_name: z.string(),
  created_at: z.iso.datetime(),
});

export const googleModel = z.strictObject({
  name: z.string(),
  version: z.string(),
  displayName: z.string(),
  outputTokenLimit: z.int(),
  supportedGenerationMethods: z.array(z.string()),
});

export function toOpenAiModel({ name, target: { provider } }: ListedModel): z.input<typeof openAiModel> {
  const created = Math.floor(provider.createdAt.getTime() / 1_000);
  return { id: name, object: "model", created, owned_by: provider.name };
}

export function toAnthropicModel({ name, target: { provider } }: ListedModel): z.input<typeof anthropicModel> {
  return { type: "model", id: name, display_name: name, created_at: provider.createdAt.toISOString() };
}

const answerMethods = ["generateContent", "streamGenerateContent", "countTokens", "batchGenerateContent"];
const embeddingMethods = ["embedContent", "batchEmbedContents", "countTokens"];
/** Of what kind a model is nobody says but its name: those of the vendors that make vectors. */
const isEmbedding = /embed|(^|[/.])(bge|gte|e5|voyage)-/i;

export function toGoogleModel({ name, target: { model } }: ListedModel): z.input<typeof googleModel> {
  return {
    name: `models/${name}`,
    version: name,
    displayName: name,
    outputTokenLimit: model.maxOutputTokens,
    supportedGenerationMethods: isEmbedding.test(model.upstreamName) ? embeddingMethods : answerMethods,
  };
}

export const openAiList = z.strictObject({ object: z.literal("list"), data: z.array(openAiModel) });
export const anthropicList = z.strictObject({
  data: z.array(anthropicModel),
  has_more: z.boolean(),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
});
export const googleList = z.strictObject({ models: z.array(googleModel), nextPageToken: z.string().optional() });

const id = z.string().max(200).optional();
const size = z.coerce.number().int().min(1).max(1_000).optional();

/** How Anthropic's and Google's SDKs ask for a page; OpenAI's list has none. */
export const pageQuery = z.strictObject({
  limit: size.describe("Anthropic's: the most models of a page."),
  after_id: id.describe("Anthropic's: the model before the page."),
  before_id: id.describe("Anthropic's: the model behind the page."),
  pageSize: size.describe("Google's: the most models of a page."),
  pageToken: id.describe("Google's: `nextPageToken` of the page before."),
  key: z.string().max(8_192).optional().describe("Google's: the API key, where it is in no header."),
});
export type PageQuery = z.output<typeof pageQuery>;

/** A page after a model, or before one. Throws `kit.invalid_request` for one that is not among them. */
export function toAnthropicList(models: readonly ListedModel[], { limit = 20, after_id, before_id }: PageQuery) {
  const end = before_id === undefined ? models.length : placeOf(models, "before_id", before_id);
  const start = after_id === undefined ? 0 : placeOf(models, "after_id", after_id) + 1;
  const isBackward = before_id !== undefined && after_id === undefined;
  const range = models.slice(start, end);
  const page = isBackward ? range.slice(-limit) : range.slice(0, limit);
  const data = page.map(toAnthropicModel);
  return {
    ...{ data, has_more: page.length < range.length },
    ...{ first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null },
  };
}

/** A page; its token is the name of the last model of the page before. Throws as `toAnthropicList` does. */
export function toGoogleList(models: readonly ListedModel[], { pageSize = 50, pageToken }: PageQuery) {
  const start = pageToken === undefined ? 0 : placeOf(models, "pageToken", pageToken) + 1;
  const page = models.slice(start, start + pageSize);
  const last = page.at(-1)?.name;
  const hasMore = start + pageSize < models.length && last !== undefined;
  return { models: page.map(toGoogleModel), ...(hasMore && { nextPageToken: last }) };
}

function placeOf(models: readonly ListedModel[], field: string, name: string): number {
  const place = models.findIndex((model) => model.name === name);
  if (place >= 0) return place;
  throw new Failure(kitFailures.invalid_request, {
    field,
    reason: "must be the id of a model of the list",
    reason_zh_CN: "必须是列表中某个模型的 id",
  });
}

/** Headers by which vendors' SDKs are told apart where they share a path. */
export const dialectHeaders = ["anthropic-version", "x-goog-api-client"] as const;

/** Whose list a request wants, by what its SDK says of itself. */
export function listDialectOf(headers: Readonly<Record<string, string>>): "openai" | "anthropic" | "google" {
  if (headers["x-goog-api-client"] !== undefined) return "google";
  return headers["anthropic-version"] === undefined ? "openai" : "anthropic";
}
