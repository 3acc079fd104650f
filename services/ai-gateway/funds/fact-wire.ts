import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type TokenUsage,
  TokenUsageSchema,
  type UsageFact,
  UsageFactSchema,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { otherBucketNames } from "@lyss/contracts/pricing/token-price.ts";
import { blankFact, blankUsage } from "./call-fact.ts";
import {
  readLength,
  readVarint,
  textFieldBytes,
  unreadable,
  varintFieldBytes,
  type WireReader,
  writeInt64Field,
  writeIntField,
  writeMessageTag,
  writeTextField,
  writeVarint,
} from "./wire.ts";

// `lyss.billing.v1.UsageFact` as the generated code encodes it, but for the order of its fields: what is known when an attempt begins
// comes first, what its end adds behind it. By hand, for each call writes two and reads one, and the generated code takes five times as
// long.

/** What is known of an attempt when it begins takes at most so many. */
export function beginBytes(fact: UsageFact): number {
  const { callId, leaseId, requestId, tenantId, keyId, userId, provider, model, priceId, tags } = fact;
  const names = textFieldBytes(callId) + textFieldBytes(requestId) + textFieldBytes(leaseId) + textFieldBytes(priceId);
  const payer = textFieldBytes(tenantId) + textFieldBytes(keyId) + textFieldBytes(userId) + textFieldBytes(tags);
  return names + payer + textFieldBytes(provider) + textFieldBytes(model) + 4 * varintFieldBytes;
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
  at = writeTextField(bytes, at, 18, fact.tags);
  at = writeIntField(bytes, at, 20, fact.continuesAttempt);
  return writeIntField(bytes, at, 21, Number(fact.isStreamed));
}

/** Of a usage, where tags and lengths of both its messages take no more than a number does. */
const numbersInUsage = 4 + otherBucketNames.length;

/** What its end adds takes at most so many. */
export const endBytes = (7 + 2 * numbersInUsage) * varintFieldBytes;

/** What its end adds. */
export function writeEnd(bytes: Buffer, start: number, fact: UsageFact): number {
  let at = writeIntField(bytes, start, 11, fact.outcome);
  at = writeUsage(bytes, at, 12, fact.tokens);
  at = writeIntField(bytes, at, 13, Number(fact.isEstimated));
  at = writeInt64Field(bytes, at, 14, fact.latencyMs);
  at = writeIntField(bytes, at, 16, fact.serviceMode);
  at = writeIntField(bytes, at, 17, Number(fact.isUncharged));
  at = writeUsage(bytes, at, 19, fact.mayHaveUsed);
  at = writeIntField(bytes, at, 22, fact.error);
  return writeIntField(bytes, at, 23, fact.firstTokenMs);
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

/** The fact that these bytes are, whoever wrote them. Throws as generated code does for what is none. */
export function readFact(bytes: Buffer): UsageFact {
  return readUsual(bytes) ?? fromBinary(UsageFactSchema, bytes);
}

const textType = 2;

/** Undefined for what only generated code reads: large and negative numbers, kinds of usage that most calls have none of, fields to come. */
function readUsual(bytes: Buffer): UsageFact | undefined {
  const fact = blankFact();
  const reader: WireReader = { bytes, at: 0 };
  while (reader.at < bytes.length) {
    const tag = readVarint(reader, bytes.length);
    const isText = (tag & 7) === textType;
    const value = isText ? readLength(reader, bytes.length) : readVarint(reader, bytes.length);
    if (value === unreadable) return undefined;
    const isRead = isText ? readTextField(fact, tag >> 3, reader, value) : readNumberField(fact, tag, value);
    if (!isRead) return undefined;
    if (isText) reader.at = value;
  }
  return fact;
}

function readTextField(fact: UsageFact, field: number, reader: WireReader, end: number): boolean {
  if (field === 12 || field === 19) {
    const name = field === 12 ? "tokens" : "mayHaveUsed";
    // Of two the second is read into the first.
    if (fact[name]) return false;
    fact[name] = readUsage(reader, end);
    return fact[name] !== undefined;
  }
  const text = reader.bytes.toString("utf8", reader.at, end);
  // What stands for bytes that are no text, and are refused.
  if (text.includes("\ufffd")) return false;
  switch (field) {
    case 1:
      fact.callId = text;
      return true;
    case 3:
      fact.leaseId = text;
      return true;
    case 4:
      fact.requestId = text;
      return true;
    case 5:
      fact.tenantId = text;
      return true;
    case 6:
      fact.keyId = text;
      return true;
    case 7:
      fact.userId = text;
      return true;
    case 8:
      fact.provider = text;
      return true;
    case 9:
      fact.model = text;
      return true;
    case 10:
      fact.priceId = text;
      return true;
    case 18:
      fact.tags = text;
      return true;
    default:
      return false;
  }
}

/** By its tag, for a number of another wire type is none of ours. */
function readNumberField(fact: UsageFact, tag: number, value: number): boolean {
  switch (tag) {
    case 2 << 3:
      fact.attempt = value;
      // An int32 is cut to 32 bits, which is generated code's to do.
      return value < 2 ** 31;
    case 11 << 3:
      fact.outcome = value;
      return value < 2 ** 31;
    case 13 << 3:
      fact.isEstimated = value !== 0;
      return true;
    case 14 << 3:
      fact.latencyMs = BigInt(value);
      return true;
    case 15 << 3:
      fact.startedAtMs = BigInt(value);
      return true;
    case 16 << 3:
      fact.serviceMode = value;
      return value < 2 ** 31;
    case 17 << 3:
      fact.isUncharged = value !== 0;
      return true;
    case 20 << 3:
      fact.continuesAttempt = value;
      return value < 2 ** 31;
    case 21 << 3:
      fact.isStreamed = value !== 0;
      return true;
    case 22 << 3:
      fact.error = value;
      return value < 2 ** 31;
    case 23 << 3:
      fact.firstTokenMs = value;
      return value < 2 ** 31;
    default:
      return false;
  }
}

function readUsage(reader: WireReader, end: number): TokenUsage | undefined {
  const usage = blankUsage();
  while (reader.at < end) {
    const tag = readVarint(reader, end);
    const value = readVarint(reader, end);
    if (tag === unreadable || value === unreadable) return undefined;
    if (tag === 1 << 3) usage.inputTokens = BigInt(value);
    else if (tag === 2 << 3) usage.cachedInputTokens = BigInt(value);
    else if (tag === 3 << 3) usage.outputTokens = BigInt(value);
    else return undefined;
  }
  return usage;
}
