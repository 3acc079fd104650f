import assert from "node:assert/strict";
import { after, test } from "node:test";
import { refundCompleted } from "@lyss/contracts/events/billing.ts";
import type { Database } from "@lyss/kit/db/database.ts";
import { createOutbox } from "@lyss/kit/events/outbox.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { cutDatabase } from "@lyss/kit/testing/chaos/cut-database.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { assertIntegrity } from "../assert-integrity.ts";
import { createDebtStore } from "../debts/debt-store.ts";
import { createGrantStore } from "../grants/grant-store.ts";
import { createJournal } from "../journal/journal.ts";
import { createJournalStore } from "../journal/journal-store.ts";
import { billing } from "../service.ts";
import { createCorrectionStore } from "./correction-store.ts";
import { createCorrections } from "./corrections.ts";

const service = await startTestService({ after }, billing, { clients: {} });
const { ops, db, random } = service;
const clock = systemClock;
const rates = { inputNanosPerMillion: 1_000_000n, cachedInputNanosPerMillion: 0n, outputNanosPerMillion: 0n };
await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });
/** B6 asks for 1,000 times: SCENARIO_FULL=1. */
const wantedCuts = process.env["SCENARIO_FULL"] ? 1_000 : 60;
/** Each cut costs a new connection, which a busy machine makes slowly. */
const limits = { timeout: wantedCuts * 3_000 };

function correctionsOn(database: Database) {
  const outbox = createOutbox({ source: "billing", publishes: [refundCompleted], clock, random });
  return createCorrections({
    ...{ db: database, journal: createJournal(createJournalStore()), outbox, clock, random, currency: "USD" },
    ...{ debts: createDebtStore(db.sql), grants: createGrantStore(db.sql), corrections: createCorrectionStore() },
    ledger: { wake: () => undefined },
    idempotency: {
      run: (_request, work) => database.transaction(work),
      sweep: { name: "none", everyMs: 1, run: () => Promise.resolve() },
    },
  });
}

test(
  `B6: with the connection lost at every statement of a refund, ${wantedCuts} times, there is at most one refund each`,
  limits,
  async () => {
    const tenantId = "ten_cut";
    await ops.createWallet({ tenantId });
    await ops.topUpWallet({ tenantId, amountNanos: 1_000_000n, reference: "start", source: "manual" });
    let cuts = 0;
    for (let round = 1; cuts < wantedCuts; round++) {
      const callId = `call_${round}`;
      const call = { callId, requestId: "r", tenantId, keyId: "k", userId: "u", provider: "p", model: "m" };
      await ops.reserveCall({ ...call, inputTokens: 10n, maxOutputTokens: 1n, minOutputTokens: 1n, choices: 1n });
      const end = { callId, tenantId, outcome: "completed", isEstimated: false, latencyMs: 1n } as const;
      await ops.settleCall({ ...end, inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 0n });
      const input = { callId, amountNanos: 7n, reference: "once", reason: "test", userId: "usr_op" };
      for (let cutAt = 1; ; cutAt++) {
        // The commit counts as the last statement.
        const isCut = (statements: readonly string[]) =>
          statements.length === cutAt && statements.at(-1) !== "committed";
        const { db: losing, wasCut } = cutDatabase(db, isCut);
        const [tried] = await Promise.allSettled([correctionsOn(losing).refundCall(input)]);
        if (!wasCut()) {
          assert.equal(tried.status, "fulfilled");
          break;
        }
        cuts++;
        assert.equal(tried.status, "rejected", `statement ${cutAt}`);
      }
      // The client that never heard of it asks once more.
      await ops.corrections.refundCall(input);
      assert.equal((await ops.getBalance({ tenantId })).balanceNanos, 1_000_000n - 3n * BigInt(round));
    }
    const [rows] = await service.sql`
    select count(*)::integer as refunds, count(distinct call_id)::integer as calls from call_refund`;
    assert.equal(rows?.["refunds"], rows?.["calls"]);
    await assertIntegrity(ops);
    const said = (await service.listEvents()).filter((it) => it.type === "billing.refund.completed");
    assert.equal(said.length, rows?.["refunds"]);
  },
);
