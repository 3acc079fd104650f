import { createHash } from "node:crypto";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { canonicalText } from "@lyss/kit/idempotency/canonical-text.ts";

/** An idempotency key, and what was asked with it: both stand in the row that was made, and are as old as that. */
export interface Once {
  readonly key: string;
  readonly hash: Buffer;
}

/** What was made with a key, and whether its provider has been asked: until then that may still come to nothing. */
export interface Made {
  readonly onceHash: Buffer;
  readonly isBegun: boolean;
}

/** Undefined for what was asked without a key. */
export function toOnce(key: string | undefined, asked: object): Once | undefined {
  if (key === undefined) return undefined;
  return { key, hash: createHash("sha256").update(canonicalText(asked)).digest() };
}

/** Throws `kit.idempotency_conflict` where something else was asked with the key, and `kit.idempotency_in_flight`. */
export function requireSame({ hash }: Once, { onceHash, isBegun }: Made): void {
  if (!onceHash.equals(hash)) throw new Failure(kitFailures.idempotency_conflict);
  if (!isBegun) throw new Failure(kitFailures.idempotency_in_flight);
}
