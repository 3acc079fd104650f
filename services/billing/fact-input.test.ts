import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  CallError,
  CallOutcome,
  type PostFactsRequest,
  PostFactsRequestSchema,
  ServiceMode,
  TokenUsageSchema,
  type UsageFact,
  UsageFactSchema,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { otherBucketNames } from "@lyss/contracts/pricing/token-price.ts";
import { checkInput } from "@lyss/kit/errors/check-input.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { z } from "zod";
import { areUsualFacts, factInput, fromOutcome, maxFacts, toFact } from "./fact-input.ts";

const bounds = z.object({ nodeId: z.string().max(200).min(1), facts: z.array(factInput).max(maxFacts) });
const counts = { inputTokens: 3n, cachedInputTokens: 2n, outputTokens: 1n };
const used = create(TokenUsageSchema, counts);
const names = { callId: "call_1", leaseId: "lse_1", requestId: "req_1", tenantId: "ten_1", keyId: "key_1" };
const usual = create(UsageFactSchema, {
  ...{ ...names, userId: "usr_1", provider: "openai", model: "gpt", priceId: "prc_1", attempt: 1, tokens: used },
  ...{ outcome: CallOutcome.COMPLETED, latencyMs: 12n, startedAtMs: 1_790_000_000_000n, tags: "env=prod,team=a" },
});
const asking = (...facts: readonly UsageFact[]) =>
  create(PostFactsRequestSchema, { nodeId: "node", facts: [...facts] });

/** What stands in a field now and then: within the bounds, at them, beyond them, and of no kind that belongs there. */
const other = Object.fromEntries(otherBucketNames.map((name) => [name, 1n]));
const strange: readonly unknown[] = [
  ...["", "a", "模型", "🙂", "\ud83d", "a\0", "x".repeat(200), "x".repeat(201), "env=prod", "b=1,a=1", "nonsense"],
  ...[0, 1, 2, 3, 99, 1_000, 1_001, -1, 1.5, Number.NaN, 2 ** 53, true, false, undefined, null],
  ...[0n, 1n, -1n, 2n ** 63n - 1n, 2n ** 63n, used, create(TokenUsageSchema, { ...counts, outputTokens: -1n })],
  ...[
    create(TokenUsageSchema, { ...counts, other }),
    create(TokenUsageSchema, { ...counts, other: { reasoning: -1n } }),
  ],
  ...[{ inputTokens: 1n }, [], {}],
];

/** True for a request that the bounds let through, which then has to be charged as it came. */
function isWithinBounds(request: PostFactsRequest): boolean {
  const checked = checkInput(bounds, request);
  if (!checked.success) return false;
  const charged = (facts: PostFactsRequest["facts"] | typeof checked.data.facts) =>
    facts.map((fact) => ({ ...toFact({ ...fact, outcome: CallOutcome.COMPLETED }), outcome: fact.outcome }));
  assert.deepEqual(charged(checked.data.facts), charged(request.facts));
  return true;
}

test("what is taken at one look is what the bounds let through unchanged, whatever stands in its fields", () => {
  const { between } = createSeeded(20_261_128);
  const fields = Object.keys(usual).filter((name) => name !== "$typeName");
  let taken = 0;
  for (let i = 0; i < 20_000; i++) {
    const fact = { ...usual } as Record<string, unknown>;
    for (let change = between(1, 2); change > 0; change--)
      fact[fields[between(0, fields.length - 1)] ?? ""] = strange[between(0, strange.length - 1)];
    const request = asking(usual, fact as unknown as UsageFact);
    if (!areUsualFacts(request)) continue;
    taken++;
    assert.ok(isWithinBounds(request), `change ${i}: ${JSON.stringify(fact, (_, item) => String(item))}`);
  }
  assert.ok(taken > 1_000, `${taken} were taken`);
});

test("nearly all facts are taken at one look: whole and failed ones, streams, other kinds of usage, names of any script", () => {
  const facts = [
    ...[usual, { ...usual, model: "模型", tags: "" }, { ...usual, isStreamed: true, firstTokenMs: 40 }],
    ...[{ ...usual, tokens: create(TokenUsageSchema, { ...counts, other }), serviceMode: ServiceMode.FLEX }],
    ...[{ ...usual, outcome: CallOutcome.FAILED, error: CallError.OVERLOADED, mayHaveUsed: used, isUncharged: true }],
  ];
  for (const fact of facts)
    assert.ok(
      areUsualFacts(asking(fact)),
      JSON.stringify(fact, (_, item) => String(item)),
    );
  assert.ok(isWithinBounds(asking(...facts)));
});

test("a request of more facts than one may hold, or of nobody, is left to the bounds", () => {
  assert.ok(!areUsualFacts(asking(...new Array<UsageFact>(maxFacts + 1).fill(usual))));
  assert.ok(!areUsualFacts({ ...asking(usual), nodeId: "" }));
});

test("usage that is left out is none, and what the provider may have counted is nothing known", () => {
  const { tokens: _, ...unused } = usual;
  const fact = toFact(unused);
  assert.deepEqual([fact.inputTokens, fact.outputTokens, fact.mayHaveUsed], [0n, 0n, undefined]);
  const posted = toFact({ ...usual, mayHaveUsed: create(TokenUsageSchema, { ...counts, other }) });
  assert.deepEqual(posted.mayHaveUsed, { ...counts, otherBuckets: other });
});

const isRefusal = (err: unknown) => isFailure(err, kitFailures.invalid_request);

test("a node may say that an attempt was lost; who settles a call may not, and nobody may say nothing", () => {
  assert.equal(toFact({ ...usual, outcome: CallOutcome.LOST }).outcome, "lost");
  for (const outcome of [CallOutcome.LOST, CallOutcome.UNSPECIFIED])
    assert.throws(() => fromOutcome(outcome), isRefusal);
  assert.throws(() => toFact({ ...usual, outcome: 99 }), isRefusal);
});
