import type { IncomingHttpHeaders } from "node:http";
import { cacheHeader } from "@lyss/contracts/calls/call-headers.ts";
import { exportedRowsLimit } from "@lyss/contracts/events/answer-export.ts";
import { buckets } from "@lyss/contracts/pricing/price.ts";
import { type TokenCounts, toOtherQuantities, toQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { seal, unseal } from "@lyss/kit/crypto/seal.ts";
import type { Database, Tx } from "@lyss/kit/db/database.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Job } from "@lyss/kit/service/define-service.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import { Counter, type Registry } from "prom-client";
import type { DataPolicies } from "../data-policies/data-policies.ts";
import type { AskedCall } from "../dialects/dialect.ts";
import type { Target } from "../model.ts";
import type { AnswerRecord } from "../once/call-once.ts";
import type { CachePolicies } from "./cache-policies.ts";
import type { CachePolicy, CacheScope, CacheSize, SemanticPolicy } from "./cache-policy.ts";
import type { CachedRow, CacheStore } from "./cache-store.ts";
import { type CacheWish, readCacheWish } from "./cache-wish.ts";
import { findQuestion } from "./question.ts";
import { hashRequest, readEffective } from "./request-hash.ts";
import { createSemanticIndex, type Place } from "./semantic-index.ts";

/** What a call may do with the cache. */
export interface CachePlan {
  readonly tenantId: string;
  readonly ownerId: string;
  readonly requestHash: Buffer;
  readonly maxAgeSeconds: number;
  readonly isRead: boolean;
  readonly isKept: boolean;
  /** What may be compared with what others have asked; undefined where nothing may. */
  readonly compared: ComparedQuestion | undefined;
}

/** A question, and how near another has to be whose answer it may have. */
export interface ComparedQuestion extends SemanticPolicy {
  readonly text: string;
  /** Of all but the text. */
  readonly restHash: Buffer;
}

/** An answer that was given before. */
export interface CachedAnswer {
  readonly provider: string;
  readonly model: string;
  /** What the provider counted. */
  readonly tokens: TokenCounts;
  readonly contentType: string;
  /** As they left, whole or as a stream. */
  readonly bytes: Buffer;
  readonly ageSeconds: number;
}

/** What was looked up of a question. */
export interface Nearest {
  /** Of the nearest that was answered, near enough or not; undefined where there is none. */
  readonly similarity: number | undefined;
  /** Undefined where none is near enough. */
  readonly found: CachedAnswer | undefined;
}

/** Which answer is meant, and who gave it. */
export interface GivenAnswer {
  readonly callId: string;
  /** Among which questions it is kept; undefined for one that is only given for the same. */
  readonly place: Place | undefined;
  readonly target: () => Target | undefined;
}

/** Answers that a tenant's callers get again when they ask the same. */
export interface AnswerCache {
  /** True where the cache may have to do with a call: nothing more is asked of calls for which it is off. */
  isWanted(caller: Pick<Caller, "tenantId" | "keyId">, headers: IncomingHttpHeaders): boolean;
  /** Undefined where the cache is off for the call. Throws `invalid_request` for a header that says nothing. */
  planFor(
    call: {
      readonly caller: Caller;
      readonly headers: IncomingHttpHeaders;
      readonly targets: readonly Target[];
      /** Which guardrails look at it: what others let through is another answer. */
      readonly rules: string;
      /** True where they have found something: what they hide of it is not compared. */
      readonly hasFindings: boolean;
    },
    asked: AskedCall,
  ): CachePlan | undefined;
  /** Undefined when there is none that is young enough, or the database is away. */
  find(plan: CachePlan): Promise<CachedAnswer | undefined>;
  /** Where a question stands whose vector `model` has made. */
  placeOf(plan: CachePlan, compared: ComparedQuestion, model: Target, vector: Float32Array): Place;
  /** The nearest that was answered, among those that are equal in all else. Nothing when the database is away. */
  findNearest(plan: CachePlan, compared: ComparedQuestion, place: Place): Promise<Nearest>;
  /**
   * Of calls at once that ask the same, one goes and the others wait for it: undefined for the one, which goes first until it is released
   * or its record is closed; one of the two must be. Resolves with an answer that the one was given.
   */
  join(plan: CachePlan): Promise<CachedAnswer | undefined> | undefined;
  /** The one that went first has its answer, or goes no further. */
  release(plan: CachePlan, found: CachedAnswer | undefined): void;
  /** For the metrics. */
  note(result: "hit" | "similar" | "miss", savedNanos?: bigint): void;
  /** Gathers what the first of them answers. What is too large, or cannot be written now, is not kept. */
  record(plan: CachePlan, given: GivenAnswer): AnswerRecord;
  sizeOf(tenantId: string): Promise<CacheSize>;
  /** How many there were. */
  purge(tenantId: string): Promise<number>;
  /** What a person asked first, the newest first, at most 32 MiB of it, as an export shows it. */
  listOf(tx: Tx, person: { readonly userId: string }): Promise<readonly object[]>;
  /** What a person asked first is forgotten. A repeat is safe. */
  removeOf(tx: Tx, person: { readonly userId: string }): Promise<void>;
  readonly jobs: readonly Job[];
}

export interface CacheSettings {
  readonly maxAnswerBytes: number;
  readonly maxTenantAnswers: number;
  readonly maxTenantBytes: number;
}

export interface AnswerCacheDeps {
  readonly db: Database;
  readonly store: CacheStore;
  readonly policies: CachePolicies;
  readonly dataPolicies: Pick<DataPolicies, "of">;
  readonly settings: CacheSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Registry;
  /** 32 bytes: answers are sealed and requests hashed with it. */
  readonly key: Buffer;
}

/** Whose answers are bytes and nothing else: a stored response is its owner's, and is asked for by its id. */
const surfaces =
  /^(chat|completions|embeddings|moderations|rerank|messages|(stream)?generateContent|(batchE|e)mbedContents?)\b/i;
/** Whose questions are compared. */
const comparedSurfaces = /^(chat|messages|(stream)?generateContent)\b/i;
/** Headers of the caller that reach the provider. */
const decidingHeaders = ["anthropic-beta", "anthropic-version"];
/** An export of a person shows so much of it. */
const maxShown = { maxRows: exportedRowsLimit, maxBytes: 33_554_432 };
const sweepEveryMs = 600_000;
const sweepLimit = 1_000;
const dayMs = 86_400_000;

interface Leader {
  readonly plan: CachePlan;
  readonly ended: PromiseWithResolvers<CachedAnswer | undefined>;
}

export function createAnswerCache(deps: AnswerCacheDeps): AnswerCache {
  const { db, store, policies, dataPolicies, settings, clock, random, log, key } = deps;
  const leaders = new Map<string, Leader>();
  const index = createSemanticIndex({ store, random, key });
  const registers = [deps.metrics];
  const lookups = new Counter({
    name: "llm_cache_lookups_total",
    help: "Calls that may be answered from the cache, by whether they were.",
    labelNames: ["result"],
    registers,
  });
  const saved = new Counter({ name: "llm_cache_saved_nanos_total", help: "What their answers cost less.", registers });
  const nameOf = ({ requestHash }: CachePlan) => requestHash.toString("base64");
  const bindingOf = ({ tenantId, requestHash }: Pick<CachePlan, "tenantId" | "requestHash">) =>
    JSON.stringify([tenantId, requestHash.toString("base64")]);

  async function keep(
    plan: CachePlan,
    given: GivenAnswer,
    answer: Omit<CachedAnswer, "ageSeconds" | "provider" | "model">,
  ) {
    const { tenantId, ownerId, requestHash, maxAgeSeconds } = plan;
    const target = given.target();
    if (!target) return;
    const sealed = seal(random, key, answer.bytes, bindingOf(plan));
    const createdAt = new Date(clock.nowMs());
    const { retentionDays } = dataPolicies.of(tenantId);
    const row = {
      ...{ tenantId, ownerId, requestHash, callId: given.callId, answer: sealed, contentType: answer.contentType },
      ...{ provider: target.provider.name, model: target.model.name, usage: toUsage(answer.tokens), createdAt },
      expiresAt: new Date(createdAt.getTime() + Math.min(1_000 * maxAgeSeconds, dayMs * retentionDays)),
      ...(given.place && { bucketHash: given.place.bucketHash, vector: index.seal(given.place, requestHash) }),
    };
    const { maxTenantAnswers: answers, maxTenantBytes: bytes } = settings;
    try {
      await db.transaction(async (tx) => {
        await store.put(tx, row);
        await store.trim(tx, tenantId, { answers, bytes });
      });
    } catch (err) {
      log.warn({ err, call_id: given.callId }, "an answer cannot be kept for others who ask the same");
    }
  }

  /** Undefined for an answer that is too old, or sealed with a root key that is gone. */
  function open(row: CachedRow | undefined, plan: CachePlan): CachedAnswer | undefined {
    if (!row) return undefined;
    const ageSeconds = Math.max(0, Math.floor((clock.nowMs() - row.createdAt.getTime()) / 1_000));
    const bytes = ageSeconds < plan.maxAgeSeconds ? unseal(key, row.answer, bindingOf(row)) : undefined;
    const { provider, model, contentType } = row;
    return bytes && { provider, model, contentType, bytes, tokens: fromUsage(row.usage), ageSeconds };
  }

  function release(plan: CachePlan, found: CachedAnswer | undefined): void {
    const leader = leaders.get(nameOf(plan));
    if (leader?.plan !== plan) return;
    leaders.delete(nameOf(plan));
    leader.ended.resolve(found);
  }

  return {
    isWanted: (caller, headers) => headers[cacheHeader] !== undefined || policies.find(caller) !== undefined,
    planFor({ caller, headers, targets, rules, hasFindings }, { model, asked, detached, preferences }) {
      const wish = readCacheWish(headers);
      const policy = policies.find(caller);
      const maxAgeSeconds = wish?.maxAgeSeconds ?? policy?.maxAgeSeconds;
      const { isRead, isKept } = wish ?? { isRead: true, isKept: true };
      if (maxAgeSeconds === undefined || detached || !isKept || !surfaces.test(asked.surface)) return undefined;
      // What a prompt says may be another thing by now.
      const body = readEffective(asked.opened ?? asked.body);
      if (!body) return undefined;
      const { tenantId, userId, keyId } = caller;
      const deciding = [
        ...decidingHeaders.map((name) => headers[name] ?? null),
        ...(rules ? [rules] : []),
        ...(preferences?.requiresParameters ? [["require_parameters"]] : []),
        ...scopeOf(policy?.scope, caller),
      ];
      const hashed = { tenantId, model, targets, surface: asked.surface };
      const requestHash = hashRequest(key, { ...hashed, body, headers: JSON.stringify(deciding) });
      const semantic = hasFindings || !comparedSurfaces.test(asked.surface) ? undefined : semanticOf(policy, wish);
      const question = semantic && findQuestion(body);
      const compared = question && {
        ...{ ...semantic, text: question.text },
        // Under another version of the policy nothing is alike.
        restHash: hashRequest(key, {
          ...{ ...hashed, body: question.rest },
          headers: JSON.stringify([...deciding, ["compared", policy?.version, question.facts]]),
        }),
      };
      return { tenantId, ownerId: userId || keyId, requestHash, maxAgeSeconds, isRead, isKept, compared };
    },
    async find(plan) {
      try {
        return open(await store.find(plan, new Date(clock.nowMs())), plan);
      } catch (err) {
        log.warn({ err }, "an answer that may have been given before cannot be looked up");
        return undefined;
      }
    },
    placeOf: ({ tenantId }, { restHash }, model, vector) => index.placeOf({ tenantId, restHash }, model, vector),
    async findNearest(plan, { minSimilarity }, place) {
      const nowMs = clock.nowMs();
      const now = new Date(nowMs);
      try {
        const nearest = await index.findNearest(place, new Date(nowMs - 1_000 * plan.maxAgeSeconds), now);
        const { similarity } = nearest ?? {};
        if (!nearest || nearest.similarity < minSimilarity) return { similarity, found: undefined };
        const row = await store.find({ tenantId: plan.tenantId, requestHash: nearest.requestHash }, now);
        // Another may stand there by now.
        const isSame = row?.bucketHash?.equals(place.bucketHash) ?? false;
        return { similarity, found: isSame ? open(row, plan) : undefined };
      } catch (err) {
        log.warn({ err }, "answers to questions that are alike cannot be looked up");
        return { similarity: undefined, found: undefined };
      }
    },
    join(plan) {
      const leader = leaders.get(nameOf(plan));
      if (leader) return leader.ended.promise;
      leaders.set(nameOf(plan), { plan, ended: Promise.withResolvers() });
      return undefined;
    },
    release,
    note(result, savedNanos = 0n) {
      lookups.inc({ result });
      saved.inc(Number(savedNanos));
    },
    record(plan, given) {
      const pieces: Buffer[] = [];
      let size = 0;
      return {
        add(bytes) {
          size += bytes.length;
          if (size <= settings.maxAnswerBytes) pieces.push(bytes);
          else pieces.length = 0;
        },
        async keep(contentType, tokens) {
          if (tokens && size <= settings.maxAnswerBytes) {
            await keep(plan, given, { contentType, tokens, bytes: Buffer.concat(pieces, size) });
          }
        },
        close: async () => release(plan, undefined),
      };
    },
    sizeOf: (tenantId) => store.sizeOf(tenantId, new Date(clock.nowMs())),
    purge: (tenantId) => store.purge(tenantId),
    async listOf(tx, { userId }) {
      const rows = await store.listOf(tx, userId, maxShown);
      return rows.map((row) => ({
        ...{ model: row.model, answer: unseal(key, row.answer, bindingOf(row))?.toString("utf8") ?? "" },
        ...{ created_at: row.createdAt, expires_at: row.expiresAt },
      }));
    },
    removeOf: (tx, { userId }) => store.deleteOf(tx, userId),
    jobs: [
      {
        name: "forget-cached-answers",
        everyMs: sweepEveryMs,
        async run(signal) {
          const now = new Date(clock.nowMs());
          while (!signal.aborted && (await store.deleteExpired(now, sweepLimit)) === sweepLimit);
        },
      },
    ],
  };
}

/** Nothing where everybody of the tenant shares answers. */
function scopeOf(scope: CacheScope | undefined, { userId, keyId }: Caller): readonly (readonly string[])[] {
  if (scope === undefined || scope === "tenant") return [];
  return [scope === "user" ? [scope, userId || keyId] : [scope, keyId || userId]];
}

/** As a call has it: as near as the tenant says, or nearer. */
function semanticOf(policy: CachePolicy | undefined, wish: CacheWish | undefined): SemanticPolicy | undefined {
  if (!policy?.semantic || wish?.isExact) return undefined;
  const minSimilarity = Math.max(policy.semantic.minSimilarity, wish?.minSimilarity ?? 0);
  return { ...policy.semantic, minSimilarity };
}

function toUsage(tokens: TokenCounts): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(toQuantities(tokens)).map(([bucket, quantity]) => [bucket, String(quantity)]),
  );
}

function fromUsage(usage: Readonly<Record<string, string>>): TokenCounts {
  const quantities = Object.fromEntries(buckets.map((bucket) => [bucket, BigInt(usage[bucket] ?? 0)]));
  const { input = 0n, cacheRead = 0n, output = 0n } = quantities;
  const otherBuckets = toOtherQuantities(quantities);
  const common = { inputTokens: input, cachedInputTokens: cacheRead, outputTokens: output };
  return otherBuckets ? { ...common, otherBuckets } : common;
}
