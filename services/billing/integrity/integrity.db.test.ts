import assert from "node:assert/strict";
import { after, test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import type { TransactionSql } from "postgres";
import { assertIntegrity } from "../assert-integrity.ts";
import type { Fact } from "../fact.ts";
import { moneyGrant } from "../lease-test-changes.ts";
import { billing } from "../service.ts";

const service = await startTestService({ after }, billing, { clients: {}, config: { billing: { lowBalance: "0" } } });
const { ops, sql, random } = service;
/** One nano per input token, two per output token. */
const rates = {
  inputNanosPerMillion: 1_000_000n,
  cachedInputNanosPerMillion: 500_000n,
  outputNanosPerMillion: 2_000_000n,
};
const [price] = await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });
const priceId = price?.priceId ?? "";

/** A tenant with money, some of it in a lease and a hold, and calls that were charged in both ways. */
async function createBusyTenant() {
  const tenantId = random.id("ten");
  const { walletId } = await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos: 100_000n, reference: "start", source: "manual" });
  const leaseId = random.id("lse");
  await ops.changeLease(moneyGrant({ leaseId, nodeId: "n", tenantId }, { wantNanos: 5_000n }));
  const names = { requestId: "req_1", keyId: "key_1", userId: "usr_1", provider: "p", model: "m", tenantId };
  const tokens = { inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 45n };
  const end = { ...tokens, outcome: "completed", isEstimated: false, latencyMs: 5n } as const;
  const facts = Array.from(
    { length: 3 },
    (): Fact => ({
      ...{ ...names, ...end, callId: random.id("call"), attempt: 1, leaseId, priceId, startedAtMs: 1_700_000_000_000n },
    }),
  );
  await ops.postFacts({ facts });
  const call = { ...names, inputTokens: 10n, maxOutputTokens: 45n, minOutputTokens: 45n, choices: 1n };
  const [charged, open] = [random.id("call"), random.id("call")];
  await ops.reserveCall({ ...call, callId: charged });
  await ops.settleCall({ ...end, tenantId, callId: charged });
  await ops.reserveCall({ ...call, callId: open });
  const [posting] = await sql<{ posting_id: string }[]>`
    select posting_id from posting where chain = ${walletId} and kind = 'usage'`;
  const postingId = posting?.posting_id ?? "";
  const [callId = "", otherCallId = ""] = facts.map((fact) => fact.callId);
  return { tenantId, walletId, postingId, callId, otherCallId, chargedCallId: charged };
}

const spoiled = ["wallet", "posting", "entry", "usage", "hold"];

/** What a check finds when somebody with every right has changed rows; they are put back afterwards. */
async function findAfter(spoil: (tx: TransactionSql) => Promise<unknown>) {
  for (const table of spoiled) await sql.unsafe(`create table saved_${table} as table ${table}`);
  try {
    await withoutTriggers(spoil);
    const { findings } = await ops.verifyMoney();
    return findings.map(({ check, walletId, postingId, callId }) => ({ check, walletId, postingId, callId }));
  } finally {
    await withoutTriggers(async (tx) => {
      for (const table of spoiled) await tx.unsafe(`delete from ${table}`);
      for (const table of spoiled) await tx.unsafe(`insert into ${table} table saved_${table}`);
      for (const table of spoiled) await tx.unsafe(`drop table saved_${table}`);
    });
  }
}

/** As a superuser may: no trigger and no foreign key is looked at. */
async function withoutTriggers(work: (tx: TransactionSql) => Promise<unknown>): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await work(tx);
  });
}

test("B27: the service's own role may neither update, delete nor truncate the journal", async () => {
  const statements = ["posting", "entry", "price"].flatMap((table) => [
    `update ${table} set ${table === "price" ? "model" : "posting_id"} = 'x'`,
    `delete from ${table}`,
    `truncate ${table} cascade`,
  ]);
  for (const statement of statements) {
    await assert.rejects(
      service.db.transaction((tx) => tx.unsafe(statement)),
      (err: { code?: string }) => err.code === "42501",
      statement,
    );
  }
});

test("B27: one byte that a superuser changes is found, in whatever column it lies, and the row is named", async () => {
  const { walletId, postingId } = await createBusyTenant();
  await assertIntegrity(ops);
  const changes = [
    "reference = reference || 'x'",
    "kind = 'charge'",
    "currency = 'USE'",
    "created_at = created_at + interval '1 microsecond'",
    "hash = translate(left(hash, 1), '0123456789abcdef', '123456789abcdef0') || substr(hash, 2)",
  ];
  for (const change of changes) {
    const findings = await findAfter((tx) =>
      tx.unsafe(`update posting set ${change} where posting_id = '${postingId}'`),
    );
    const hashes = findings.filter(({ check }) => check === "posting.hash");
    assert.deepEqual(hashes[0], { check: "posting.hash", walletId, postingId, callId: "" }, change);
  }
  const moved = await findAfter(
    (tx) =>
      tx`update entry set amount_nanos = amount_nanos + 1 where posting_id = ${postingId} and account = 'revenue'`,
  );
  assert.deepEqual(
    moved.map(({ check, postingId: id }) => [check, id]),
    [
      ["posting.balance", postingId],
      ["posting.hash", postingId],
    ],
  );
  await assertIntegrity(ops);
});

test("B27: a posting taken out, put in or moved to another wallet is found even where every sum still agrees", async () => {
  const { walletId, postingId } = await createBusyTenant();
  const removed = await findAfter(async (tx) => {
    await tx`delete from entry where posting_id = ${postingId}`;
    await tx`delete from posting where posting_id = ${postingId}`;
    await tx`delete from usage where posting_id = ${postingId}`;
    await tx`update wallet set balance_nanos = balance_nanos + 300 where wallet_id = ${walletId}`;
  });
  assert.deepEqual(
    removed.map(({ check, walletId: id }) => [check, id]),
    [["posting.gap", walletId]],
  );
  const added = await findAfter(async (tx) => {
    await tx`
      insert into posting (posting_id, kind, reference, currency, chain, sequence, hash)
      select 'pst_forged', 'top_up', 'forged', 'USD', ${walletId}, journal_sequence + 1, 'x' from wallet where wallet_id = ${walletId}`;
    await tx`insert into entry values ('pst_forged', 'funding:manual', -5), ('pst_forged', ${`wallet:${walletId}`}, 5)`;
    await tx`update wallet set balance_nanos = balance_nanos + 5 where wallet_id = ${walletId}`;
  });
  assert.deepEqual(
    added.map(({ check }) => check),
    ["posting.hash", "wallet.head"],
  );
  const strayed = await findAfter(async (tx) => {
    await tx`update posting set chain = 'wal_none' where posting_id = ${postingId}`;
    await tx`insert into entry values ('pst_none', 'revenue', 5)`;
  });
  const checks = strayed.map(({ check }) => check);
  for (const check of ["posting.gap", "posting.chain", "entry.posting"])
    assert.ok(checks.includes(check as never), check);
});

test("a balance, a hold, a cost and a price that do not agree are each found with their ids", async () => {
  const { walletId, callId, otherCallId, chargedCallId } = await createBusyTenant();
  const cases: readonly (readonly [string, string, Record<string, string>])[] = [
    [
      `update wallet set balance_nanos = balance_nanos + 1 where wallet_id = '${walletId}'`,
      "wallet.balance",
      { walletId },
    ],
    [`update wallet set held_nanos = held_nanos + 1 where wallet_id = '${walletId}'`, "wallet.held", { walletId }],
    [`delete from hold where wallet_id = '${walletId}'`, "wallet.held", { walletId }],
    [`update usage set output_tokens = 46 where call_id = '${callId}'`, "usage.cost", { callId, walletId }],
    [`update usage set price_id = 'prc_none' where call_id = '${callId}'`, "usage.price", { callId, walletId }],
    [
      `update usage set call_id = '${callId}', attempt = 2 where call_id = '${otherCallId}'`,
      "usage.twice",
      { callId, walletId },
    ],
  ];
  for (const [statement, check, ids] of cases) {
    const findings = await findAfter((tx) => tx.unsafe(statement));
    assert.deepEqual(findings, [{ check, walletId: "", postingId: "", callId: "", ...ids }], statement);
  }
  const continued = await findAfter(async (tx) => {
    await tx`update usage set call_id = ${callId}, attempt = 2 where call_id = ${otherCallId}`;
    await tx`update usage set outcome = 'truncated' where call_id = ${callId} and attempt = 1`;
    await tx`update usage set continues_attempt = 1 where call_id = ${callId} and attempt = 2`;
  });
  const twice = [{ check: "usage.twice", walletId, postingId: "", callId }];
  for (const change of ["continues_attempt = null", "continues_attempt = 3"]) {
    const findings = await findAfter(async (tx) => {
      await tx`update usage set call_id = ${callId}, attempt = 2 where call_id = ${otherCallId}`;
      await tx`update usage set outcome = 'truncated' where call_id = ${callId} and attempt = 1`;
      await tx.unsafe(`update usage set ${change} where call_id = '${callId}' and attempt = 2`);
    });
    assert.deepEqual(
      findings,
      twice,
      `an answer broke off, and the second does not say that it goes on with it: ${change}`,
    );
  }
  assert.deepEqual(continued, [], "an answer that broke off and went on elsewhere is paid in two parts");
  const unpaid = await findAfter((tx) => tx`delete from usage where call_id in (${callId}, ${chargedCallId})`);
  assert.deepEqual(
    unpaid.map(({ check }) => check),
    ["usage.posting", "usage.posting"],
  );
});

test("a budget that has not reserved what calls in flight and leases have set aside is found, and a rebuild sets it right", async () => {
  const { tenantId, walletId } = await createBusyTenant();
  const limit = {
    unit: "calls",
    limit: 10n,
    period: "total",
    timeZone: "UTC",
    resetDay: 1,
    alertPercents: [],
  } as const;
  await ops.setBudget({ tenantId, scopeKind: "tenant", scopeId: tenantId, limit });
  const names = { requestId: "r", keyId: "k", userId: "u", provider: "p", model: "m", tenantId };
  const calls = [random.id("call"), random.id("call")].map((callId) => ({ ...names, callId }));
  for (const call of calls) {
    await ops.reserveCall({ ...call, inputTokens: 10n, maxOutputTokens: 5n, minOutputTokens: 5n, choices: 1n });
  }
  await assertIntegrity(ops);
  const budgets = async () => (await ops.listBudgets({ tenantId, limit: 10 })).rows;
  const [[budget], [alive, lost]] = [await budgets(), calls];

  await sql`update budget set reserved_amount = 5 where tenant_id = ${tenantId}`;
  const detail = `budget ${budget?.budgetId} has 5 reserved, calls in flight and leases have set 2 aside`;
  const ids = { walletId, postingId: "", callId: "" };
  assert.deepEqual((await ops.verifyMoney()).findings, [{ check: "budget.reserved", ...ids, detail }]);
  const seen = await ops.rebuildBalances({ apply: false });
  assert.deepEqual([...seen.budgets], [{ budgetId: budget?.budgetId, tenantId, reserved: 5n, held: 2n }]);
  await ops.rebuildBalances({ apply: true });
  await assertIntegrity(ops);

  // What a call set aside in a budget and did not take along when it ended.
  await sql`delete from hold where call_id = ${lost?.callId ?? ""}`;
  const { budgets: strayed } = await ops.rebuildBalances({ apply: true });
  assert.deepEqual(
    strayed.map(({ reserved, held }) => [reserved, held]),
    [[2n, 1n]],
  );
  await assertIntegrity(ops);
  const tokens = { inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 5n };
  const end = { tenantId, ...tokens, outcome: "completed", isEstimated: false, latencyMs: 1n } as const;
  await ops.settleCall({ ...end, callId: alive?.callId ?? "" });
  assert.deepEqual(
    (await budgets()).map(({ used, reserved }) => [used, reserved]),
    [[1n, 0n]],
  );
  await assertIntegrity(ops);
});

test("a check is done once by whichever node comes first; what it finds is an event, and health says so until it passes", async () => {
  const { walletId } = await createBusyTenant();
  const probe = service.health?.["integrity"];
  assert.ok(probe && typeof probe === "object");
  const signal = AbortSignal.timeout(60_000);
  const [wanted, again] = [await ops.requestIntegrityRun(), await ops.requestIntegrityRun()];
  assert.equal(wanted.runId, again.runId);
  await Promise.all([ops.runIntegrity(), ops.runIntegrity()]);
  const passed = await ops.getIntegrityRun(wanted);
  assert.deepEqual([passed.state, passed.findingCount, passed.findings], ["passed", 0n, []]);
  assert.match(passed.digest, /^[0-9a-f]{64}$/);
  assert.ok(passed.wallets > 0n && passed.postings > 0n && passed.usageRows > 0n);
  assert.equal(await probe.probe(signal), undefined);

  await sql`update wallet set balance_nanos = balance_nanos + 7 where wallet_id = ${walletId}`;
  const { runId } = await ops.requestIntegrityRun();
  await ops.runIntegrity();
  const failed = await ops.getIntegrityRun({ runId });
  assert.deepEqual([failed.state, failed.findingCount, failed.findings[0]?.check], ["failed", 1n, "wallet.balance"]);
  assert.match(JSON.stringify(await probe.probe(signal)), /found 1 differences/);
  const said = (await service.listEvents()).filter(({ type }) => type === "billing.integrity.failed");
  assert.deepEqual(
    said.map(({ key }) => key),
    [runId],
  );
  const { rows } = await ops.listIntegrityRuns({ limit: 1 });
  assert.equal(rows[0]?.runId, runId);

  const seen = await ops.rebuildBalances({ apply: false });
  const applied = await ops.rebuildBalances({ apply: true });
  assert.deepEqual(
    [seen, applied].map(({ rows: found }) => found.map((it) => [it.walletId, it.balanceNanos - it.journalNanos])),
    [[[walletId, 7n]], [[walletId, 7n]]],
  );
  await assertIntegrity(ops);
  await ops.requestIntegrityRun();
  await ops.runIntegrity();
  assert.equal(await probe.probe(signal), undefined);
  await assert.rejects(ops.getIntegrityRun({ runId: "chk_none" }), (err) =>
    isFailure(err, billingFailures.integrity_run_not_found),
  );
});

test("a run that ends while another is wanted leaves nobody without one", async () => {
  for (let round = 0; round < 100; round++) {
    await ops.requestIntegrityRun();
    const wanted = Array.from({ length: 4 }, () => ops.requestIntegrityRun());
    await Promise.all([
      ...wanted,
      sql`update integrity_run set state = 'passed', ended_at = now() where ended_at is null`,
    ]);
    for (const { state } of await Promise.all(wanted)) assert.equal(state, "wanted");
  }
  await ops.runIntegrity();
});

test("B28: while calls are charged, a check finds nothing and a rebuild of every page changes nothing", async () => {
  const tenants = await Promise.all(Array.from({ length: 4 }, createBusyTenant));
  let isOver = false;
  const charging = tenants.map(async ({ tenantId }) => {
    for (let i = 0; i < 20; i++) {
      const callId = random.id("call");
      const names = { requestId: "r", keyId: "k", userId: "u", provider: "p", model: "m", tenantId, callId };
      await ops.reserveCall({ ...names, inputTokens: 10n, maxOutputTokens: 5n, minOutputTokens: 5n, choices: 1n });
      const tokens = { inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 5n };
      await ops.settleCall({ callId, tenantId, ...tokens, outcome: "completed", isEstimated: false, latencyMs: 1n });
    }
  });
  const checking = (async () => {
    while (!isOver) {
      assert.deepEqual((await ops.verifyMoney()).findings, []);
      assert.deepEqual((await ops.rebuildBalances({ apply: true })).rows, []);
    }
  })();
  await Promise.all(charging);
  isOver = true;
  await checking;
  await assertIntegrity(ops);
});
