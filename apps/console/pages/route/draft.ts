import type { GetRouteResponse, ListProvidersResponse, PutRouteBody } from "../../api/gen/client.ts";

export type Route = GetRouteResponse;
export type Strategy = Route["strategy"];
export type Provider = ListProvidersResponse["data"][number];

/** In the order in which they are offered. */
export const strategies: readonly Strategy[] = [
  ...(["fallback", "scored", "weighted", "experiment"] as const),
  ...(["cost", "latency", "throughput", "quality"] as const),
];

/** A target while it is changed: what is typed is a text. */
export interface TargetDraft {
  /** Stays with it, wherever it is moved. */
  readonly id: number;
  /** `model:<provider>/<model>` or `route:<name>`. */
  readonly place: string;
  readonly weight: string;
  readonly quality: string;
  readonly priority: string;
  readonly tags: string;
  readonly minTokens: string;
  readonly maxTokens: string;
  readonly minComplexity: string;
  readonly maxComplexity: string;
  readonly tools: string;
  readonly media: string;
  readonly mentions: string;
  /** One a line. */
  readonly examples: string;
  readonly similarity: string;
  /** As it was, for what is not shown. */
  readonly kept: Pick<Route["targets"][number], "users" | "keys">;
}

/** A route's own settings. */
export type RouteSettings = Omit<Route, "object" | "name" | "source" | "version" | "updated_at">;

export interface RouteDraft {
  /** Settings that are not shown; they stay as they are. */
  readonly kept: Omit<RouteSettings, "strategy" | "hedge" | "embedding" | "targets"> | undefined;
  readonly strategy: Strategy;
  readonly hedge: string;
  /** What makes vectors for `examples`; empty for none. */
  readonly embedding: string;
  readonly targets: readonly TargetDraft[];
}

let lastId = 0;
const textOf = (value: number | boolean | undefined) => (value === undefined ? "" : String(value));

export function toDraft({ strategy, hedge, embedding, targets, ...kept }: RouteSettings): RouteDraft {
  return {
    ...{ kept, strategy, hedge: textOf(hedge ?? undefined), embedding: embedding ?? "" },
    targets: targets.map(toTargetDraft),
  };
}

export function toSettings(route: Route): RouteSettings {
  const {
    object: _object,
    name: _name,
    source: _source,
    version: _version,
    updated_at: _updatedAt,
    ...settings
  } = route;
  return settings;
}

function toTargetDraft(target: Route["targets"][number]): TargetDraft {
  const { provider, model, route, weight, quality, priority, tags, users, keys, when = {} } = target;
  return {
    id: ++lastId,
    place: route === undefined ? toModelPlace(provider ?? "", model ?? "") : toRoutePlace(route),
    ...{ weight: textOf(weight), quality: textOf(quality), priority: textOf(priority) },
    tags: Object.entries(tags)
      .map(([name, value]) => `${name}=${value}`)
      .join(", "),
    ...{ minTokens: textOf(when.tokens?.min), maxTokens: textOf(when.tokens?.max) },
    ...{ minComplexity: textOf(when.complexity?.min), maxComplexity: textOf(when.complexity?.max) },
    ...{ tools: textOf(when.tools), media: textOf(when.media), mentions: (when.mentions ?? []).join(", ") },
    ...{ examples: (when.meaning?.examples ?? []).join("\n"), similarity: textOf(when.meaning?.similarity) },
    kept: { users, keys },
  };
}

export function newTarget(place: string): TargetDraft {
  return toTargetDraft({
    ...{ weight: 1, quality: 1, priority: 0, tags: {}, users: [], keys: [], health: null },
    ...fromPlace(place),
  });
}

export const toModelPlace = (provider: string, model: string) => `model:${provider}/${model}`;
export const toRoutePlace = (name: string) => `route:${name}`;

function fromPlace(place: string): { provider: string; model: string } | { route: string } {
  const name = place.slice(place.indexOf(":") + 1);
  if (place.startsWith("route:")) return { route: name };
  const slash = name.indexOf("/");
  return { provider: name.slice(0, slash), model: name.slice(slash + 1) };
}

/** A place as a person reads it. */
export function nameOfPlace(place: string): string {
  return place.startsWith("route:") ? `→ ${place.slice("route:".length)}` : place.slice("model:".length);
}

export function hasConditions(draft: TargetDraft): boolean {
  const { tags, minTokens, maxTokens, minComplexity, maxComplexity, tools, media, mentions, examples, kept } = draft;
  const texts = [tags, minTokens, maxTokens, minComplexity, maxComplexity, tools, media, mentions, examples];
  return texts.some((text) => text.trim() !== "") || kept.users.length > 0 || kept.keys.length > 0;
}

/** As the API takes it. What cannot be a number goes as it was typed, so that the API says what is wrong with it. */
export function toBody({ kept, strategy, hedge, embedding, targets }: RouteDraft): PutRouteBody {
  return {
    ...{ ...kept, strategy, hedge: toNumber(hedge) ?? null, embedding: embedding.trim() || null },
    targets: targets.map(toTarget),
  };
}

function toTarget(draft: TargetDraft): PutRouteBody["targets"][number] {
  const { place, weight, quality, priority, tags, kept } = draft;
  const when = toWhen(draft);
  return {
    ...fromPlace(place),
    ...{ weight: toNumber(weight) ?? 1, quality: toNumber(quality) ?? 1, priority: toNumber(priority) ?? 0 },
    tags: Object.fromEntries(toList(tags).map((pair) => toPair(pair))),
    ...kept,
    ...(when && { when }),
  };
}

function toWhen(draft: TargetDraft): PutRouteBody["targets"][number]["when"] {
  const { minTokens, maxTokens, minComplexity, maxComplexity, tools, media, mentions, similarity } = draft;
  const tokens = toRange(minTokens, maxTokens);
  const complexity = toRange(minComplexity, maxComplexity);
  const words = toList(mentions);
  const examples = toLines(draft.examples);
  const from = toNumber(similarity);
  const when = {
    ...(tokens && { tokens }),
    ...(complexity && { complexity }),
    ...(tools !== "" && { tools: tools === "true" }),
    ...(media !== "" && { media: media === "true" }),
    ...(words.length > 0 && { mentions: words }),
    ...(examples.length > 0 && { meaning: { examples, ...(from !== undefined && { similarity: from }) } }),
  };
  return Object.keys(when).length > 0 ? when : undefined;
}

function toRange(min: string, max: string): { min?: number; max?: number } | undefined {
  const [from, to] = [toNumber(min), toNumber(max)];
  if (from === undefined && to === undefined) return undefined;
  return { ...(from !== undefined && { min: from }), ...(to !== undefined && { max: to }) };
}

function toNumber(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const value = Number(trimmed);
  return Number.isNaN(value) ? (trimmed as unknown as number) : value;
}

const toLines = (text: string) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

const toList = (text: string) =>
  text
    .split(/[,，]/)
    .map((part) => part.trim())
    .filter(Boolean);

function toPair(pair: string): readonly [string, string] {
  const at = pair.indexOf("=");
  return at < 0 ? [pair, ""] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}
