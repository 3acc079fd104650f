import { withTimeout } from "@lyss/kit/resilience/timeout.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { type AskedBy, type ComparedPlace, placesToCompare, type RoutedRoute } from "../routing/order-targets.ts";
import type { Preferences } from "../routing/preferences.ts";
import type { RouteTarget } from "../routing/route.ts";
import { type AskingCall, embedTexts } from "../vectors/embed-texts.ts";
import { cosineOf } from "../vectors/unit-vector.ts";
import { claimMs, type MakeVectors } from "./example-vectors.ts";
import type { MadeCall, MeaningLookup, NearPlace } from "./meaning-lookup.ts";

/** A call that may be compared. */
export interface CallToCompare extends AskingCall {
  readonly callId: string;
  readonly tree: RoutedRoute;
  readonly asked: AskedBy;
  /** What its caller said last, as it may be shown to others; empty for nothing. */
  readonly text: string;
  readonly preferences: Preferences | undefined;
}

export interface Compared {
  readonly similarityTo: NonNullable<AskedBy["similarityTo"]>;
  /** One for each model that was asked, or would have been. */
  readonly lookups: readonly MeaningLookup[];
}

/** Of longer texts a vector says too little, and models that make one take no more. */
const maxTextLength = 8_000;
const maxShown = 64;

/**
 * Compares a call with the examples of the places that are open to it in all else. Within `aiGateway.meaning.timeoutMs` it resolves, and
 * never rejects: what could not be compared is near to nothing. Nothing is asked where no place has examples.
 */
export async function compareMeanings(deps: AiGatewayDeps, call: CallToCompare): Promise<Compared> {
  const byModel = Map.groupBy(placesToCompare(call.tree, call.asked), ({ embedding }) => embedding);
  const all = await Promise.all([...byModel].map(([model, places]) => compareBy(deps, model, places, call)));
  const near = new Map(all.flatMap(({ similarities }) => [...similarities]));
  return { similarityTo: (rule) => near.get(rule), lookups: all.map(({ lookup }) => lookup) };
}

interface ComparedBy {
  readonly similarities: ReadonlyMap<RouteTarget, number>;
  readonly lookup: MeaningLookup;
}

async function compareBy(
  deps: AiGatewayDeps,
  model: string,
  places: readonly ComparedPlace[],
  call: CallToCompare,
): Promise<ComparedBy> {
  const { clock, settings } = deps;
  const { timeoutMs } = settings.meaning;
  const calls: MadeCall[] = [];
  const without = (result: MeaningLookup["result"]): ComparedBy => ({
    similarities: new Map(),
    lookup: { model, result, calls, places: [] },
  });
  const text = call.text.trim().slice(0, maxTextLength);
  if (text === "") return without("no_text");
  const startedMs = clock.monotonicMs();
  const comparing = { model, places, calls, timeoutMs, call: { ...call, text } };
  const near = await withTimeout(clock, timeoutMs, call.signal, (signal) => compare(deps, comparing, signal)).catch(
    () => undefined,
  );
  if (!near) return without(clock.monotonicMs() - startedMs >= timeoutMs ? "late" : "failed");
  return {
    similarities: new Map(places.flatMap(({ rule }, at) => (near[at] ? [[rule, near[at].similarity]] : []))),
    lookup: { model, result: "compared", calls, places: near.slice(0, maxShown) },
  };
}

interface Comparing {
  readonly model: string;
  readonly places: readonly ComparedPlace[];
  /** Takes those that are made for it. */
  readonly calls: MadeCall[];
  readonly timeoutMs: number;
  readonly call: CallToCompare;
}

/** One for each place, in their order; undefined where there are no vectors. */
async function compare(
  deps: AiGatewayDeps,
  { model, places, calls, timeoutMs, call }: Comparing,
  signal: AbortSignal,
): Promise<readonly NearPlace[] | undefined> {
  const { caller, requestId, tags, text } = call;
  const preferences = call.preferences && keepingOf(call.preferences);
  const begin = (of: MadeCall["of"]) => {
    const callId = deps.random.id("call");
    calls.push({ callId, of });
    deps.choices.end({ tenantId: caller.tenantId, callId }, undefined, [], { partOf: call.callId });
    return { caller, requestId, tags, callId };
  };
  const asked = { ...begin("question"), signal };
  const question = await embedTexts(deps, { model, texts: [text], timeoutMs, preferences }, asked);
  if (!question) return undefined;
  // Examples are made to the end, whether this call waits for them or not: the next has them.
  const make: MakeVectors = async (texts) => {
    const whole = { ...begin("examples"), signal: new AbortController().signal };
    const made = await embedTexts(deps, { model, texts, timeoutMs: claimMs, target: question.model }, whole);
    return made?.vectors;
  };
  const examples = [...new Set(places.flatMap(({ meaning }) => meaning.examples))];
  const vectors = await deps.exampleVectors.find(caller.tenantId, question.model, examples, make);
  if (!vectors) return undefined;
  const [vector] = question.vectors;
  const near = examples.map((example, at) => ({ example, similarity: similarityOf(vector, vectors[at]) }));
  return places.map((place) => nearestAt(place, near));
}

/** -1 where the two cannot be compared: the model has changed how many numbers it gives. */
function similarityOf(one: Float32Array, other: Float32Array | undefined): number {
  return one.length === other?.length ? cosineOf(one, other) : -1;
}

function nearestAt(
  { route, rule, meaning }: ComparedPlace,
  near: readonly Pick<NearPlace, "example" | "similarity">[],
): NearPlace {
  const own = near.filter(({ example }) => meaning.examples.includes(example));
  const nearest = own.reduce((best, it) => (it.similarity > best.similarity ? it : best));
  const target = rule.route ?? `${rule.provider}/${rule.model}`;
  return { route, target, ...nearest, minSimilarity: meaning.similarity };
}

/** What of a caller's wishes is about who may see what it says. */
function keepingOf({ refusesCollection, wantsZeroRetention, regions }: Preferences): Preferences | undefined {
  if (!refusesCollection && !wantsZeroRetention && !regions) return undefined;
  return {
    ...{ order: [], only: undefined, ignore: [], allowsFallbacks: true, requiresParameters: false, sort: undefined },
    ...{
      continues: undefined,
      maxPrice: undefined,
      quantizations: undefined,
      regions,
      refusesCollection,
      wantsZeroRetention,
    },
  };
}
