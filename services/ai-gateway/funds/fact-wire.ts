import { toBinary } from "@bufbuild/protobuf";
import { type TokenUsage, TokenUsageSchema, type UsageFact } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { otherBucketNames } from "@lyss/contracts/pricing/token-price.ts";
import {
  textFieldBytes,
  varintFieldBytes,
  writeInt64Field,
  writeIntField,
  writeMessageTag,
  writeTextField,
  writeVarint,
} from "./wire.ts";

// `lyss.billing.v1.UsageFact` as the generated code encodes it, but for the order of its fields: what is known when an attempt begins
// comes first, what its end adds behind it. By hand, for each call writes two, and the generated code takes five times as long.

/** What is known of an attempt when it begins takes at most so many. */
export function beginBytes(fact: UsageFact): number {
  const { callId, leaseId, requestId, tenantId, keyId, userId, provider, model, priceId, tags } = fact;
  const names = textFieldBytes(callId) + textFieldBytes(requestId) + textFieldBytes(leaseId) + textFieldBytes(priceId);
  const payer = textFieldBytes(tenantId) + textFieldBytes(keyId) + textFieldBytes(userId) + textFieldBytes(tags);
  return names + payer + textFieldBytes(provider) + textFieldBytes(model) + 2 * varintFieldBytes;
}

/** What is known of an attempt when it begins. */
export function writeBegin(bytes: Buffer, start: number, fact: UsageFact): number {
  let at = writeTextField(bytes, start, 1, fact.callId);
  at = writeIntField(bytes, at, 2, fact.attempt);
  at = writeTextField(bytes, at, 3, fact.leaseId);
  at = writeTextField(bytes, at, 4, fact.requestId);
  at = writeTextField(bytes, at, 5, fact.tenantId);
  at = writeTextField(bytes, at, 6, fact.keyId);
  at = writeTextField(bytes, at, 7, fact.userId);
  at = writeTextField(bytes, at, 8, fact.provider);
  at = writeTextField(bytes, at, 9, fact.model);
  at = writeTextField(bytes, at, 10, fact.priceId);
  at = writeInt64Field(bytes, at, 15, fact.startedAtMs);
  return writeTextField(bytes, at, 18, fact.tags);
}

/** Of a usage, where tags and lengths of both its messages take no more than a number does. */
const numbersInUsage = 4 + otherBucketNames.length;

/** What its end adds takes at most so many. */
export const endBytes = (5 + 2 * numbersInUsage) * varintFieldBytes;

/** What its end adds. */
export function writeEnd(bytes: Buffer, start: number, fact: UsageFact): number {
  let at = writeIntField(bytes, start, 11, fact.outcome);
  at = writeUsage(bytes, at, 12, fact.tokens);
  at = writeIntField(bytes, at, 13, Number(fact.isEstimated));
  at = writeInt64Field(bytes, at, 14, fact.latencyMs);
  at = writeIntField(bytes, at, 16, fact.serviceMode);
  at = writeIntField(bytes, at, 17, Number(fact.isUncharged));
  return writeUsage(bytes, at, 19, fact.mayHaveUsed);
}

function writeUsage(bytes: Buffer, at: number, field: number, usage: TokenUsage | undefined): number {
  if (!usage) return at;
  const lengthAt = writeMessageTag(bytes, at, field);
  if (usage.other) {
    const message = toBinary(TokenUsageSchema, usage);
    const messageAt = writeVarint(bytes, lengthAt, message.length);
    bytes.set(message, messageAt);
    return messageAt + message.length;
  }
  // Three counts take less than 128 bytes, so that their length takes one.
  let end = writeInt64Field(bytes, lengthAt + 1, 1, usage.inputTokens);
  end = writeInt64Field(bytes, end, 2, usage.cachedInputTokens);
  end = writeInt64Field(bytes, end, 3, usage.outputTokens);
  bytes[lengthAt] = end - lengthAt - 1;
  return end;
}
