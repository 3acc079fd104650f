import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CallOutcome,
  ServiceMode,
  type TokenUsage,
  TokenUsageSchema,
  type UsageFact,
  UsageFactSchema,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { otherBucketNames } from "@lyss/contracts/pricing/token-price.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { blankFact } from "./call-fact.ts";
import { beginBytes, endBytes, readFact, writeBegin, writeEnd } from "./fact-wire.ts";

const texts = [
  "",
  "a",
  "openai",
  "x".repeat(127),
  "y".repeat(128),
  "é",
  "模型".repeat(80),
  "🙂".repeat(32),
  "z".repeat(20_000),
];
const ints = [0, 1, 127, 128, 16_384, 2 ** 31 - 1, -1, -(2 ** 31)];
const edges = [0n, 127n, 128n, 2n ** 14n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n];
const int64s = [...edges, ...edges.map((edge) => -edge), -(2n ** 63n)];

function createFacts(seed: number) {
  const { between } = createSeeded(seed);
  const pick = <T>(from: readonly T[]): T => from[between(0, from.length - 1)] as T;
  const usage = (): TokenUsage | undefined =>
    [
      undefined,
      create(TokenUsageSchema, {}),
      create(TokenUsageSchema, {
        ...{ inputTokens: pick(int64s), cachedInputTokens: pick(int64s), outputTokens: pick(int64s) },
        ...(between(0, 1) === 0 && {
          other: Object.fromEntries(otherBucketNames.map((name) => [name, pick(int64s)])),
        }),
      }),
    ][between(0, 2)];
  return (): UsageFact =>
    create(UsageFactSchema, {
      ...{ callId: pick(texts), attempt: pick(ints), leaseId: pick(texts), requestId: pick(texts) },
      ...{ tenantId: pick(texts), keyId: pick(texts), userId: pick(texts), provider: pick(texts), model: pick(texts) },
      ...{ priceId: pick(texts), outcome: pick([0, 1, CallOutcome.LOST, 99]), tokens: usage() },
      ...{ isEstimated: pick([true, false]), latencyMs: pick(int64s), startedAtMs: pick(int64s) },
      ...{ serviceMode: pick([0, ServiceMode.FLEX, 300]), isUncharged: pick([true, false]), tags: pick(texts) },
      ...{ mayHaveUsed: usage(), continuesAttempt: pick(ints) },
      ...{ firstTokenMs: pick(ints), isStreamed: pick([true, false]), error: pick([0, 3, 200]) },
    });
}

function write(fact: UsageFact): Buffer {
  const bytes = Buffer.alloc(beginBytes(fact) + endBytes);
  const begunTo = writeBegin(bytes, 0, fact);
  assert.ok(begunTo <= beginBytes(fact));
  const end = writeEnd(bytes, begunTo, fact);
  assert.ok(end <= bytes.length, `${end} bytes, and room for ${bytes.length}`);
  return bytes.subarray(0, end);
}

test("whatever a fact holds, generated code reads it as it was, and writes it as long", () => {
  const facts = createFacts(20_261_126);
  for (let i = 0; i < 2_000; i++) {
    const fact = facts();
    const bytes = write(fact);
    assert.deepEqual(fromBinary(UsageFactSchema, bytes), fact, `fact ${i}`);
    assert.deepEqual({ ...blankFact(), ...readFact(bytes) }, { ...blankFact(), ...fact }, `fact ${i}`);
    assert.equal(bytes.length, toBinary(UsageFactSchema, fact).length);
  }
});

test("the longest names and counts that there are take no more room than is said", () => {
  const name = "模".repeat(700_000);
  /** Negative numbers take the most bytes. */
  const negative: number = -1;
  const other = Object.fromEntries(otherBucketNames.map((bucket) => [bucket, -1n]));
  const usage = create(TokenUsageSchema, { inputTokens: -1n, cachedInputTokens: -1n, outputTokens: -1n, other });
  const fact = create(UsageFactSchema, {
    ...{ callId: name, leaseId: name, requestId: name, tenantId: name, keyId: name, userId: name, provider: name },
    ...{
      model: name,
      priceId: name,
      tags: name,
      attempt: negative,
      startedAtMs: -1n,
      outcome: negative,
      latencyMs: -1n,
    },
    ...{
      serviceMode: negative,
      continuesAttempt: negative,
      isEstimated: true,
      isUncharged: true,
      tokens: usage,
      mayHaveUsed: usage,
    },
    ...{ firstTokenMs: negative, isStreamed: true, error: negative },
  });
  assert.equal(write(fact).length, toBinary(UsageFactSchema, fact).length);
  assert.ok(writeEnd(Buffer.alloc(1_000), 0, fact) <= endBytes);
});

test("a fact of defaults takes no byte", () => {
  assert.equal(write(create(UsageFactSchema, {})).length, 0);
});

test("every field of the contract is written", () => {
  const { fields } = UsageFactSchema;
  const fact = create(UsageFactSchema, {
    ...{ callId: "1", attempt: 2, leaseId: "3", requestId: "4", tenantId: "5", keyId: "6", userId: "7", provider: "8" },
    ...{ model: "9", priceId: "10", outcome: 1, tokens: {}, isEstimated: true, latencyMs: 14n, startedAtMs: 15n },
    ...{ serviceMode: 1, isUncharged: true, tags: "18", mayHaveUsed: {}, continuesAttempt: 20 },
    ...{ firstTokenMs: 23, isStreamed: true, error: 3 },
  });
  const read = fromBinary(UsageFactSchema, write(fact));
  const blank = create(UsageFactSchema, {});
  for (const { localName } of fields) {
    const name = localName as keyof UsageFact;
    assert.notDeepEqual(fact[name], blank[name], `${name} is not in the fact`);
    assert.deepEqual(read[name], fact[name], name);
  }
});

/** What a reader makes of bytes: a fact, what it leaves out being undefined, or that it refuses them. */
function verdictOn(read: () => UsageFact): UsageFact | "refused" {
  try {
    return { ...blankFact(), ...read() };
  } catch {
    return "refused";
  }
}

test("of bytes that anybody may have written or broken, it says what generated code says", () => {
  const seed = 20_261_127;
  const { between } = createSeeded(seed);
  const facts = createFacts(seed);
  for (let i = 0; i < 20_000; i++) {
    const fact = facts();
    const short = { ...fact, attempt: 1, latencyMs: 5n, startedAtMs: 1_764_200_000_000n };
    let bytes = between(0, 1) === 0 ? write(short) : Buffer.from(toBinary(UsageFactSchema, fact));
    if (bytes.length > 1_000) continue;
    for (let broken = between(0, 3); broken > 0 && bytes.length > 0; broken--) {
      if (between(0, 3) === 0) bytes = bytes.subarray(0, between(0, bytes.length));
      else bytes[between(0, bytes.length - 1)] = between(0, 255);
    }
    const said = verdictOn(() => readFact(bytes));
    const expected = verdictOn(() => fromBinary(UsageFactSchema, bytes));
    assert.deepEqual(said, expected, `seed ${seed}, ${i}: ${bytes.toString("hex")}`);
  }
});
