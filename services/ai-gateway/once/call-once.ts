import { createHmac, timingSafeEqual } from "node:crypto";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import type { TokenCounts } from "@lyss/contracts/pricing/token-price.ts";
import { seal, unseal } from "@lyss/kit/crypto/seal.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Job } from "@lyss/kit/service/define-service.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import type { OnceName, OnceRow, OnceStore } from "./once-store.ts";

/** A call that came with an idempotency key. */
export interface KeyedCall extends OnceName {
  readonly callId: string;
  /** What is asked: the surface and the body's bytes. */
  readonly surface: string;
  readonly body: Buffer;
}

/** An answer that was given before. */
export interface FirstAnswer {
  readonly callId: string;
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** Gathers what a call answers, to give it again when the call is repeated. */
export interface AnswerRecord {
  /** Notes what goes to the caller. */
  add(bytes: Buffer): void;
  /**
   * Resolves when the whole answer, of so many tokens, is kept. To be awaited before it is charged: a repeat must not be charged again.
   */
  keep(contentType: string, tokens?: TokenCounts): Promise<void>;
  /** Frees the key, unless the answer was kept. Never rejects. */
  close(): Promise<void>;
}

/** Model calls that are served once, however often they are sent. */
export interface CallOnce {
  /**
   * The record into which the call's answer goes, or the answer of the first call. Throws `kit.idempotency_conflict` for
   * another request with the key, `kit.idempotency_in_flight` while the first runs, and `answer_not_kept`.
   */
  begin(call: KeyedCall): Promise<{ readonly record: AnswerRecord } | { readonly first: FirstAnswer }>;
  readonly jobs: readonly Job[];
}

const keptMs = 86_400_000;
const maxAnswerBytes = 4_194_304;
const sweepEveryMs = 600_000;
const sweepLimit = 1_000;
/** A node that says nothing for so many heart-beats is dead, and its calls may be tried again. */
const beatsToDeath = 4;

export function createCallOnce(deps: {
  readonly store: OnceStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** 32 bytes: answers are sealed with it. */
  readonly key: Buffer;
  readonly heartbeatMs: number;
}): CallOnce {
  const { store, clock, random, log, key: secretKey, heartbeatMs } = deps;
  const open = new Set<string>();
  const claimUntil = () => new Date(clock.nowMs() + beatsToDeath * heartbeatMs);

  function hashOf({ surface, body }: KeyedCall): Buffer {
    return createHmac("sha256", secretKey).update(`${surface}\n`).update(body).digest();
  }

  function bindingOf({ tenantId, key }: OnceName): string {
    return JSON.stringify([tenantId, key]);
  }

  function toFirst(name: OnceName, { answer, callId, contentType }: OnceRow): FirstAnswer {
    const bytes = unseal(secretKey, answer, bindingOf(name));
    if (!bytes) throw new Error("a kept answer does not open: the root key is another one, or the row was changed");
    return { callId, contentType, bytes };
  }

  function createRecord({ tenantId, key, callId }: KeyedCall): AnswerRecord {
    const pieces: Buffer[] = [];
    let size = 0;
    open.add(callId);
    return {
      add(bytes) {
        size += bytes.length;
        if (size <= maxAnswerBytes) pieces.push(bytes);
        else pieces.length = 0;
      },
      async keep(contentType) {
        const state = size > maxAnswerBytes ? "too_large" : "kept";
        const whole = state === "kept" ? Buffer.concat(pieces, size) : undefined;
        const answer = whole ? seal(random, secretKey, whole, bindingOf({ tenantId, key })) : Buffer.alloc(0);
        await store.keep({ tenantId, key, callId, state, contentType, answer });
      },
      async close() {
        open.delete(callId);
        await store.release({ tenantId, key, callId }).catch((err: unknown) => {
          log.warn({ err, call_id: callId }, "an idempotency key is free only when its claim has run out");
        });
      },
    };
  }

  return {
    async begin(call) {
      const { tenantId, key, callId } = call;
      const requestHash = hashOf(call);
      const now = new Date(clock.nowMs());
      const expiresAt = new Date(clock.nowMs() + keptMs);
      const claim = { tenantId, key, requestHash, callId, now, claimedUntil: claimUntil(), expiresAt };
      if (await store.claim(claim)) return { record: createRecord(call) };
      const known = await store.find(call);
      // Gone since: the first has just failed.
      if (!known) throw new Failure(kitFailures.idempotency_in_flight);
      if (!timingSafeEqual(known.requestHash, requestHash)) throw new Failure(kitFailures.idempotency_conflict);
      if (known.state === "open") throw new Failure(kitFailures.idempotency_in_flight);
      if (known.state === "too_large") throw new Failure(aiGatewayFailures.answer_not_kept, { callId: known.callId });
      return { first: toFirst(call, known) };
    },
    jobs: [
      {
        name: "extend-keyed-calls",
        everyMs: heartbeatMs,
        async run() {
          if (open.size > 0) await store.extend([...open], claimUntil());
        },
      },
      {
        name: "forget-answers",
        everyMs: sweepEveryMs,
        async run(signal) {
          const now = new Date(clock.nowMs());
          while (!signal.aborted && (await store.deleteExpired(now, sweepLimit)) === sweepLimit);
        },
      },
    ],
  };
}
