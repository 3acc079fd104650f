import { createHmac, timingSafeEqual } from "node:crypto";
import { deserialize, serialize } from "node:v8";
import { seal, unseal } from "../crypto/seal.ts";
import type { Database, Tx } from "../db/database.ts";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { currentContext } from "../rpc/call-context.ts";
import type { Clock } from "../service/clock.ts";
import type { Random } from "../service/ids.ts";
import { canonicalText } from "./canonical-text.ts";
import * as store from "./idempotency-store.ts";

/** A request that must not be served twice. */
export interface OnceRequest {
  /** Name of the operation: the same for each edge that offers it. */
  readonly operation: string;
  /** The tenant. Keys of different scopes have nothing to do with each other. */
  readonly scope: string;
  /** All that the answer depends on, as plain data. */
  readonly input: unknown;
}

/** Serves a request once, however often its client sends it. */
export interface Idempotency {
  /**
   * Runs `work` in one transaction and gives its answer, which is plain data. Where the call being served has an
   * idempotency key, the answer is kept for 24 h and committed with the effect: the same key and request again give it
   * without running anything. Throws `kit.idempotency_conflict` for another request with the key, and
   * `kit.idempotency_in_flight` while the first one runs. A request that failed has left nothing, and may be repeated.
   */
  run<Answer>(request: OnceRequest, work: (tx: Tx) => Promise<Answer>): Promise<Answer>;
  /** Forgets answers that have expired. */
  readonly sweep: { readonly name: string; readonly everyMs: number; run(signal: AbortSignal): Promise<void> };
}

export interface IdempotencyOptions {
  readonly db: Database;
  readonly clock: Clock;
  readonly random: Random;
  /** 32 bytes. Answers are sealed with it: they may hold a secret that was shown once. */
  readonly key: Buffer;
}

const keptMs = 86_400_000;
const sweepEveryMs = 600_000;
const sweepLimit = 10_000;
const maxAnswerBytes = 1_048_576;

/** On the service's table `idempotency_key`, which its migrations create (docs/kit/idempotency.md). */
export function createIdempotency({ db, clock, random, key: secretKey }: IdempotencyOptions): Idempotency {
  const hashOf = (input: unknown) => createHmac("sha256", secretKey).update(canonicalText(input)).digest();

  async function runOnce<Answer>(
    tx: Tx,
    key: string,
    { operation, scope, input }: OnceRequest,
    work: (tx: Tx) => Promise<Answer>,
  ): Promise<Answer> {
    const requestHash = hashOf(input);
    const binding = JSON.stringify([scope, key, operation]);
    const now = clock.nowMs();
    if (!(await store.claimKey(tx, scope, key))) throw new Failure(kitFailures.idempotency_in_flight);
    const stored = await store.findAnswer(tx, scope, key, new Date(now));
    if (stored) {
      const isSame = stored.operation === operation && timingSafeEqual(stored.requestHash, requestHash);
      if (!isSame) throw new Failure(kitFailures.idempotency_conflict);
      const answer = unseal(secretKey, stored.answer, binding);
      if (!answer)
        throw new Error("a stored answer does not open: the root key is another one, or the row was changed");
      return deserialize(answer);
    }
    const answer = await work(tx);
    const bytes = serialize(answer);
    if (bytes.length > maxAnswerBytes) throw new RangeError(`the answer of ${operation} has ${bytes.length} bytes`);
    const sealed = seal(random, secretKey, bytes, binding);
    const expiresAt = new Date(now + keptMs);
    await store.insertAnswer(tx, { scope, key, operation, requestHash, answer: sealed, expiresAt });
    return answer;
  }

  return {
    run(request, work) {
      const key = currentContext()?.idempotencyKey;
      return db.transaction((tx) => (key === undefined ? work(tx) : runOnce(tx, key, request, work)));
    },
    sweep: {
      name: "idempotency-sweep",
      everyMs: sweepEveryMs,
      async run(signal) {
        const now = new Date(clock.nowMs());
        while (!signal.aborted && (await store.deleteExpired(db, now, sweepLimit)) === sweepLimit);
      },
    },
  };
}
