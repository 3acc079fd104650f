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
import type { AskedCall } from "../dialects/dialect.ts";
import type { Target } from "../model.ts";
import type { AnswerRecord } from "../once/call-once.ts";
import type { CachePolicies } from "./cache-policies.ts";
import type { CacheSize } from "./cache-policy.ts";
import type { CacheStore } from "./cache-store.ts";
import { readCacheWish } from "./cache-wish.ts";
import { hashRequest } from "./request-hash.ts";

/** What a call may do with the cache. */
export interface CachePlan {
  readonly tenantId: string;
  readonly ownerId: string;
  readonly requestHash: Buffer;
  readonly maxAgeSeconds: number;
  readonly isRead: boolean;
  readonly isKept: boolean;
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

/** Which answer is meant, and who gave it. */
export interface GivenAnswer {
  readonly callId: string;
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
    },
    asked: AskedCall,
  ): CachePlan | undefined;
  /** Undefined when there is none that is young enough, or the database is away. */
  find(plan: CachePlan): Promise<CachedAnswer | undefined>;
  /**
   * Of calls at once that ask the same, one goes and the others wait for it: undefined for the one, which goes first until its record is
   * closed. It must have one.
   */
  join(plan: CachePlan): Promise<void> | undefined;
  /** For the metrics. */
  note(result: "hit" | "miss", savedNanos?: bigint): void;
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
/** Headers of the caller that reach the provider. */
const decidingHeaders = ["anthropic-beta", "anthropic-version"];
/** An export of a person shows so much of it. */
const maxShown = { maxRows: exportedRowsLimit, maxBytes: 33_554_432 };
const sweepEveryMs = 600_000;
const sweepLimit = 1_000;

export function createAnswerCache(deps: AnswerCacheDeps): AnswerCache {
  const { db, store, policies, settings, clock, random, log, key } = deps;
  const leaders = new Map<string, { readonly plan: CachePlan; readonly ended: PromiseWithResolvers<void> }>();
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
    const row = {
      ...{ tenantId, ownerId, requestHash, callId: given.callId, answer: sealed, contentType: answer.contentType },
      ...{ provider: target.provider.name, model: target.model.name, usage: toUsage(answer.tokens), createdAt },
      expiresAt: new Date(createdAt.getTime() + 1_000 * maxAgeSeconds),
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

  return {
    isWanted: (caller, headers) => headers[cacheHeader] !== undefined || policies.find(caller) !== undefined,
    planFor({ caller, headers, targets, rules }, { model, asked, detached }) {
      const wish = readCacheWish(headers);
      const policy = policies.find(caller);
      const maxAgeSeconds = wish?.maxAgeSeconds ?? policy?.maxAgeSeconds;
      const { isRead, isKept } = wish ?? { isRead: true, isKept: true };
      if (maxAgeSeconds === undefined || detached || !isKept || !surfaces.test(asked.surface)) return undefined;
      const { tenantId, userId, keyId } = caller;
      const deciding = JSON.stringify([
        ...decidingHeaders.map((name) => headers[name] ?? null),
        ...(rules ? [rules] : []),
      ]);
      // What a prompt says may be another thing by now.
      const body = asked.opened ?? asked.body;
      const { surface } = asked;
      const requestHash = hashRequest(key, { tenantId, model, targets, surface, body, headers: deciding });
      return requestHash && { tenantId, ownerId: userId || keyId, requestHash, maxAgeSeconds, isRead, isKept };
    },
    async find(plan) {
      try {
        const row = await store.find(plan, new Date(clock.nowMs()));
        const ageSeconds = row ? Math.max(0, Math.floor((clock.nowMs() - row.createdAt.getTime()) / 1_000)) : 0;
        if (!row || ageSeconds >= plan.maxAgeSeconds) return undefined;
        const bytes = unseal(key, row.answer, bindingOf(plan));
        // Sealed with a root key that is gone.
        if (!bytes) return undefined;
        const { provider, model, contentType } = row;
        return { provider, model, contentType, bytes, tokens: fromUsage(row.usage), ageSeconds };
      } catch (err) {
        log.warn({ err }, "an answer that may have been given before cannot be looked up");
        return undefined;
      }
    },
    join(plan) {
      const leader = leaders.get(nameOf(plan));
      if (leader) return leader.ended.promise;
      leaders.set(nameOf(plan), { plan, ended: Promise.withResolvers<void>() });
      return undefined;
    },
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
        async close() {
          const leader = leaders.get(nameOf(plan));
          if (leader?.plan !== plan) return;
          leaders.delete(nameOf(plan));
          leader.ended.resolve();
        },
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
