import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CallOutcome,
  ServiceMode,
  type UsageFact,
  UsageFactSchema,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { beginFact, endFact } from "./call-fact.ts";
import type { CallToFund, Spent } from "./funds.ts";

const call: CallToFund = {
  ...{ callId: "call_1", requestId: "req_1", tenantId: "ten_1", keyId: "key_1", userId: "usr_1" },
  ...{ provider: "p", model: "m", inputTokens: 10n, maxOutputTokens: 45n, minOutputTokens: 1n, choices: 1 },
};
const known = { priceId: "prc_1", leaseId: "lse_1", startedAtMs: 7n };
const begun = {
  ...{ callId: "call_1", attempt: 1, leaseId: "lse_1", requestId: "req_1", tenantId: "ten_1", keyId: "key_1" },
  ...{ userId: "usr_1", provider: "p", model: "m", priceId: "prc_1", startedAtMs: 7n },
};
const counts = { inputTokens: 1n, cachedInputTokens: 2n, outputTokens: 3n };
/** As billing reads it. */
const sent = (fact: UsageFact) => fromBinary(UsageFactSchema, toBinary(UsageFactSchema, fact));
const spentOf = (more: Partial<Spent> = {}): Spent => ({
  ...{ outcome: CallOutcome.COMPLETED, tokens: counts, isEstimated: false, latencyMs: 12.5, ...more },
});

test("what is known when a call begins is who, what, at which price, from which lease, since when", () => {
  assert.deepEqual(sent(beginFact(call, known)), create(UsageFactSchema, begun));
  assert.deepEqual(
    sent(beginFact({ ...call, tags: "env=prod" }, known)),
    create(UsageFactSchema, { ...begun, tags: "env=prod" }),
  );
});

/** A call's fact when it has ended. */
function endedFact(of: CallToFund, spent: Spent): UsageFact {
  const fact = beginFact(of, known);
  endFact(fact, spent);
  return fact;
}

test("when it has ended its outcome, tokens, mode and time are added, in whole milliseconds, and nothing is lost", () => {
  const tagged = { ...call, tags: "env=prod" };
  const ended = { ...begun, tags: "env=prod", outcome: CallOutcome.COMPLETED, tokens: counts, latencyMs: 13n };
  assert.deepEqual(sent(endedFact(tagged, spentOf())), create(UsageFactSchema, ended));
  assert.deepEqual(
    sent(
      endedFact(
        tagged,
        spentOf({ outcome: CallOutcome.TRUNCATED, isEstimated: true, serviceMode: "flex", latencyMs: 12.4 }),
      ),
    ),
    create(UsageFactSchema, {
      ...{ ...ended, outcome: CallOutcome.TRUNCATED, isEstimated: true, serviceMode: ServiceMode.FLEX, latencyMs: 12n },
    }),
  );
});

test("other buckets of what was used, and of what may have been used, are kept", () => {
  const otherBuckets = { reasoning: 5n };
  const usage = { ...counts, other: otherBuckets };
  const ended = { ...begun, outcome: CallOutcome.COMPLETED, latencyMs: 13n };
  assert.deepEqual(
    sent(endedFact(call, spentOf({ tokens: { ...counts, otherBuckets }, mayHaveUsed: { ...counts, otherBuckets } }))),
    create(UsageFactSchema, { ...ended, tokens: usage, mayHaveUsed: usage }),
  );
  assert.deepEqual(
    sent(endedFact(call, spentOf({ mayHaveUsed: counts }))),
    create(UsageFactSchema, { ...ended, tokens: counts, mayHaveUsed: counts }),
  );
});
