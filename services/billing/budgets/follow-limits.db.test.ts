import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { groupLimitsChanged, keyCreated, keyRevoked, keyUpdated } from "@lyss/contracts/events/auth.ts";
import { groupMemberAdded } from "@lyss/contracts/events/group.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { type KeyLimitsSchema, KeyRevocationReason } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { billing } from "../service.ts";

type Limits = MessageInitShape<typeof KeyLimitsSchema>;

const service = await startTestService({ after }, billing, { clients: {}, config: { billing: { reserveWaitMs: 0 } } });
const { ops } = service;
const rates = { inputNanosPerMillion: 1_000_000n, cachedInputNanosPerMillion: 0n, outputNanosPerMillion: 1_000_000n };
await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });
await service.hear();

async function createTenant(tenantId: string) {
  await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos: 1_000_000_000n, reference: "start", source: "grant" });
  const key = { tenantId, keyId: `key_${tenantId}`, userId: "usr_1" };
  return {
    tenantId,
    keyId: key.keyId,
    async created(limits: Limits) {
      await service.say(keyCreated, { ...key, limits });
      await service.untilHeard();
    },
    async updated(limitsBefore: Limits, limits: Limits) {
      await service.say(keyUpdated, { ...key, limits, limitsBefore });
      await service.untilHeard();
    },
    async budgets() {
      const { rows } = await ops.listBudgets({ tenantId, scopeKind: "key", scopeIds: [key.keyId], limit: 200 });
      return rows.map(({ unit, period, limit }) => `${unit} ${period} ${limit}`).sort();
    },
  };
}

test("a key's tokens and money are budgets of the key; each goes with its limit, others stay", async () => {
  const { tenantId, keyId, created, updated, budgets } = await createTenant("ten_caps");
  await ops.setBudget({
    ...{ tenantId, scopeKind: "key", scopeId: keyId },
    limit: { unit: "calls", limit: 9n, period: "day", timeZone: "UTC", resetDay: 1, alertPercents: [] },
  });
  const first: Limits = { requestsPerMinute: 5, tokensPerMinute: 100n, budget: { limit: "0.50", period: "month" } };
  await created(first);
  const both = ["calls day 9", "money month 500000000", "tokens minute 100"];
  assert.deepEqual(await budgets(), both);
  await created(first);
  assert.deepEqual(await budgets(), both, "a repeat changes nothing");

  const second: Limits = { tokensPerMinute: 200n, budget: { limit: "0.50", period: "day" } };
  await updated(first, second);
  assert.deepEqual(await budgets(), ["calls day 9", "money day 500000000", "tokens minute 200"]);
  await ops.setBudget({
    ...{ tenantId, scopeKind: "key", scopeId: keyId },
    limit: { unit: "tokens", limit: 300n, period: "minute", timeZone: "UTC", resetDay: 1, alertPercents: [] },
  });
  await updated(second, { ...second, requestsPerMinute: 1 });
  assert.deepEqual(await budgets(), ["calls day 9", "money day 500000000", "tokens minute 300"], "what is not changed");
  await updated(second, {});
  assert.deepEqual(await budgets(), ["calls day 9"]);
  await updated(second, {});
  assert.deepEqual(await budgets(), ["calls day 9"]);
});

test("a key without tokens or money to hold to needs no wallet, and a call beyond them is refused by the key", async () => {
  const { tenantId, keyId, created } = await createTenant("ten_held");
  await service.say(keyCreated, { tenantId: "ten_none", keyId: "key_none", limits: { requestsPerMinute: 5 } });
  await created({ tokensPerMinute: 100n });
  const reserve = (callId: string, tokens: bigint) =>
    ops.reserveCall({
      ...{ callId, tenantId, requestId: "req_1", keyId, userId: "usr_1", provider: "p", model: "m" },
      ...{ inputTokens: tokens, maxOutputTokens: tokens, minOutputTokens: tokens, choices: 1n },
    });
  await reserve("call_1", 30n);
  // More than a whole minute's: the minute may turn between the two calls.
  await assert.rejects(reserve("call_2", 51n), (err) => {
    return isFailure(err, billingFailures.quota_exceeded) && err.details["limit_source"] === "key";
  });
});

test("of a key that is revoked no budget stays, whoever set it; one that is rotated keeps them", async () => {
  const { tenantId, keyId, created, budgets } = await createTenant("ten_gone");
  await created({ tokensPerMinute: 100n });
  const calls = { unit: "calls", limit: 9n, period: "day", timeZone: "UTC", resetDay: 1, alertPercents: [] } as const;
  await ops.setBudget({ tenantId, scopeKind: "key", scopeId: keyId, limit: calls });
  await ops.setBudget({ tenantId, scopeKind: "user", scopeId: "usr_1", limit: calls });
  const revoked = async (reason: KeyRevocationReason) => {
    await service.say(keyRevoked, { tenantId, keyId, userId: "usr_1", reason });
    await service.untilHeard();
  };
  await revoked(KeyRevocationReason.ROTATED);
  assert.deepEqual(await budgets(), ["calls day 9", "tokens minute 100"]);
  await revoked(KeyRevocationReason.LEAKED);
  await revoked(KeyRevocationReason.LEAKED);
  assert.deepEqual(await budgets(), []);
  const { rows } = await ops.listBudgets({ tenantId, scopeKind: "user", scopeIds: ["usr_1"], limit: 10 });
  assert.equal(rows.length, 1);
  await service.say(keyRevoked, { tenantId: "ten_none", keyId: "key_none", reason: KeyRevocationReason.REVOKED });
  await service.untilHeard();
});

test("a group's tokens a minute are a budget of the group, which holds the calls of its members by whatever key", async () => {
  const { tenantId } = await createTenant("ten_group");
  const [groupId, other] = ["grp_held", { tenantId: "ten_none", subjectId: "grp_none" }];
  const budgets = async () => {
    const { rows } = await ops.listBudgets({ tenantId, scopeKind: "group", limit: 200 });
    return rows.map(({ unit, period, limit, scopeId }) => `${scopeId} ${unit} ${period} ${limit}`).sort();
  };
  const changed = async (limitsBefore: object, limits: object) => {
    await service.say(groupLimitsChanged, { tenantId, subjectId: groupId, limitsBefore, limits });
    await service.untilHeard();
  };
  const money = { unit: "money", limit: 9n, period: "day", timeZone: "UTC", resetDay: 1, alertPercents: [] } as const;
  await ops.setBudget({ tenantId, scopeKind: "group", scopeId: groupId, limit: { ...money, limit: 1_000_000_000n } });
  await service.say(groupMemberAdded, { tenantId, groupId, userId: "usr_in", role: "member" });
  await service.say(groupLimitsChanged, { ...other, limits: { requestsPerMinute: 5 } });
  for (let time = 0; time < 2; time++) await changed({}, { requestsPerMinute: 5, tokensPerMinute: 100n });
  assert.deepEqual(await budgets(), ["grp_held money day 1000000000", "grp_held tokens minute 100"]);

  const reserve = (callId: string, userId: string) =>
    ops.reserveCall({
      ...{ callId, tenantId, requestId: "req_1", keyId: `key_${callId}`, userId, provider: "p", model: "m" },
      ...{ inputTokens: 51n, maxOutputTokens: 50n, minOutputTokens: 50n, choices: 1n },
    });
  await assert.rejects(reserve("call_in", "usr_in"), (err) => {
    return isFailure(err, billingFailures.quota_exceeded) && err.details["limit_source"] === "group";
  });
  await reserve("call_out", "usr_out");
  await changed({ tokensPerMinute: 100n }, {});
  assert.deepEqual(await budgets(), ["grp_held money day 1000000000"], "the group's other budgets stay");
  await reserve("call_in_again", "usr_in");
});
