import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Outbox } from "@lyss/kit/events/event.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { nobody } from "@lyss/services/billing/invoices/billing-profile.ts";
import { type ClosingDeps, closePeriods } from "@lyss/services/billing/invoices/close-periods.ts";
import {
  findPreview,
  getInvoice,
  type InvoiceDeps,
  listInvoices,
} from "@lyss/services/billing/invoices/find-invoices.ts";
import { getStatement, type StatementQueryDeps } from "@lyss/services/billing/invoices/get-statement.ts";
import type { DueWallet, InvoiceStore, NewInvoice } from "@lyss/services/billing/invoices/invoice-store.ts";
import type { StatementStore } from "@lyss/services/billing/invoices/statement-store.ts";
import { pino } from "pino";
import { outcomeOf } from "./memory-credit.ts";

const dayMs = 86_400_000;
const graceMs = 3_600_000;
const october = Date.UTC(2026, 9, 1);
const november = Date.UTC(2026, 10, 1);

interface Movement {
  readonly atMs: number;
  readonly amountNanos: bigint;
}

/** A wallet's journal of top-ups at their times, beside its invoices. */
function start(movements: readonly Movement[], nowMs = november + graceMs) {
  const clock = createFakeClock(nowMs);
  const issued: NewInvoice[] = [];
  const said: unknown[] = [];
  const logged: unknown[] = [];
  const pages: unknown[] = [];
  const state = { isTampered: false, isOvertaken: false, wallets: ["wal_1"], chargedNanos: 0n };
  const dueOf = (walletId: string): DueWallet | undefined => {
    const last = issued.filter((one) => one.walletId === walletId).at(-1);
    const next = movements[Number(last?.lastSequence ?? 0n)];
    return (
      next && {
        ...{ walletId, tenantId: walletId.replace("wal", "ten"), currency: "USD" },
        ...{ lastSequence: last?.lastSequence ?? 0n, lastClosingNanos: last?.closingNanos ?? 0n },
        ...{ lastEnd: last?.periodEnd ?? null, nextPostedAt: new Date(next.atMs) },
      }
    );
  };
  const balanceAt = (through: bigint) =>
    movements.slice(0, Number(through)).reduce((sum, { amountNanos }) => sum + amountNanos, 0n);
  const statementStore: Partial<StatementStore> = {
    findSequenceBefore: async (_walletId, timeMs) => BigInt(movements.filter(({ atMs }) => atMs < timeMs).length),
    readBalanceAt: async ({ through }) => balanceAt(through) + (state.isTampered ? 1n : 0n),
    sumCharges: async () => ({ nanos: state.chargedNanos }) as never,
    listMovements: async ({ after, through }) =>
      movements.slice(Number(after), Number(through)).map(({ atMs, amountNanos }, i) => ({
        ...{ postingId: `pst_${i}`, kind: "top_up", reference: "r", postedAt: new Date(atMs), amountNanos },
        ...{ counterparty: "funding:manual", aboutAt: null, note: "" },
      })),
    listUsageSums: async () => [],
  };
  const invoices: Partial<InvoiceStore> = {
    findProfile: async () => undefined,
    async listDueWallets(untilMs, afterWalletId, limit) {
      pages.push([untilMs, afterWalletId, limit]);
      return state.wallets
        .filter((walletId) => walletId > afterWalletId)
        .slice(0, limit)
        .flatMap((walletId) => dueOf(walletId) ?? []);
    },
    findDueWallet: async (tenantId) => dueOf(tenantId.replace("ten", "wal")),
    lockTenant: async () => undefined,
    findLastSequence: async (_tx, walletId) =>
      (dueOf(walletId)?.lastSequence ?? BigInt(movements.length)) + (state.isOvertaken ? 1n : 0n),
    takeNumber: async () => issued.length + 1,
    async insertInvoice(_tx, invoice) {
      issued.push(invoice);
    },
    findInvoice: async (invoiceId, tenantId) =>
      issued.find((one) => one.invoiceId === invoiceId && (tenantId === undefined || one.tenantId === tenantId)),
    async listInvoices({ tenantId, limit, after }) {
      pages.push([tenantId, limit, after]);
      const rows = issued.filter((one) => tenantId === undefined || one.tenantId === tenantId);
      const from = after ? rows.findIndex(({ invoiceId }) => invoiceId === after.invoiceId) + 1 : 0;
      return rows.slice(from, from + limit).map((row) => ({ ...row, position: row.issuedAt.toISOString() }));
    },
  };
  const append = async (_tx: unknown, { type }: { type: string }, data: unknown) => void said.push([type, data]);
  const deps = {
    ...{ statementStore, invoices, clock, random: createRandom(clock), currency: "USD", anchorDay: 1, graceMs },
    ...{ seller: nobody, priceStore: { findPricesById: async () => [] } },
    db: { transaction: (work: (tx: unknown) => unknown) => work("tx") },
    store: {
      findWallet: async (tenantId: string) =>
        tenantId === "ten_1" ? { walletId: "wal_1", tenantId, currency: "USD" } : undefined,
    },
    outbox: { append } as unknown as Outbox,
    log: pino(
      {},
      {
        write(line: string) {
          const { level, time, pid, hostname, ...rest } = JSON.parse(line);
          logged.push(rest);
        },
      },
    ),
  } as unknown as ClosingDeps & InvoiceDeps & StatementQueryDeps;
  return { deps, clock, issued, logged, state, takeSaid: () => said.splice(0), takePages: () => pages.splice(0) };
}

const paidIn = (atMs: number, amountNanos = 100n): Movement => ({ atMs, amountNanos });

test("a period that has ended is closed when its grace is over, with what was posted in it, and says so", async () => {
  const { deps, clock, issued, takeSaid } = start(
    [paidIn(october + 5), paidIn(october + 9, 50n), paidIn(november)],
    november + graceMs - 1,
  );
  assert.deepEqual(await closePeriods(deps), { issued: 0, refused: 0 });
  clock.advance(1);
  assert.deepEqual(await closePeriods(deps), { issued: 1, refused: 0 });
  assert.deepEqual(await closePeriods(deps), { issued: 0, refused: 0 });
  const { invoiceId, content = "", ...invoice } = issued[0] ?? ({} as Partial<NewInvoice>);
  assert.match(String(invoiceId), /^inv_/);
  assert.deepEqual(invoice, {
    ...{ tenantId: "ten_1", walletId: "wal_1", currency: "USD", year: 2026, numberInYear: 1, number: "2026-000001" },
    ...{ issuedAt: new Date(november + graceMs), periodStart: new Date(october), periodEnd: new Date(november) },
    ...{ openingNanos: 0n, chargedNanos: 0n, closingNanos: 150n, lastSequence: 2n },
    contentHash: hash("sha256", content, "hex"),
  });
  assert.deepEqual(JSON.parse(content).period, {
    ...{ start: "2026-10-01T00:00:00.000Z", end: "2026-11-01T00:00:00.000Z" },
  });
  const facts = { tenantId: "ten_1", walletId: "wal_1", currency: "USD", invoiceId, number: "2026-000001" };
  const [periodStart, periodEnd] = [october, november].map((ms) => timestampFromDate(new Date(ms)));
  assert.deepEqual(takeSaid(), [
    ["billing.invoice.issued", { ...facts, chargedNanos: 0n, closingNanos: 150n, periodStart, periodEnd }],
  ]);
});

test("an invoice and its event say what calls cost in the period, whatever else moved", async () => {
  const { deps, state, issued, takeSaid } = start([paidIn(october)]);
  state.chargedNanos = 30n;
  await closePeriods(deps);
  const amounts = { chargedNanos: 30n, closingNanos: 70n };
  const [invoice, [, event]] = [issued[0], takeSaid()[0] as [string, object]];
  assert.deepEqual([invoice?.chargedNanos, invoice?.closingNanos], [30n, 70n]);
  assert.deepEqual({ ...event, ...amounts }, event);
});

test("several periods are closed one after the other, those in which nothing was posted not at all", async () => {
  const { deps, issued } = start([paidIn(Date.UTC(2026, 6, 3)), paidIn(october + 1, 5n)]);
  assert.deepEqual(await closePeriods(deps), { issued: 2, refused: 0 });
  assert.deepEqual(
    issued.map(({ periodStart, openingNanos, closingNanos }) => [
      ...[periodStart.toISOString().slice(0, 10), openingNanos, closingNanos],
    ]),
    [
      ["2026-07-01", 0n, 100n],
      ["2026-10-01", 100n, 105n],
    ],
  );
});

test("what is posted late belongs to the period that is open, whatever its time", async () => {
  const movements = [paidIn(Date.UTC(2026, 8, 3))];
  const { deps, clock, issued } = start(movements, october + graceMs);
  await closePeriods(deps);
  movements.push(paidIn(Date.UTC(2026, 8, 20), 7n));
  clock.advance(november - october);
  await closePeriods(deps);
  assert.deepEqual(
    issued.map(({ periodStart, closingNanos }) => [periodStart.getTime(), closingNanos]),
    [
      [Date.UTC(2026, 8, 1), 100n],
      [october, 107n],
    ],
  );
});

test("where journal and last invoice disagree nothing is issued, and that is told", async () => {
  const { deps, issued, logged, state } = start([paidIn(october)]);
  state.isTampered = true;
  assert.deepEqual([await closePeriods(deps), issued], [{ issued: 0, refused: 1 }, []]);
  assert.deepEqual(logged, [
    {
      ...{ wallet_id: "wal_1", opening_nanos: "1", last_closing_nanos: "0" },
      msg: "journal and balance of a wallet differ: its period is not closed",
    },
  ]);
});

test("a period that another node has closed meanwhile is not closed again", async () => {
  const { deps, issued, state, takeSaid } = start([paidIn(october)]);
  state.isOvertaken = true;
  assert.deepEqual([await closePeriods(deps), issued, takeSaid()], [{ issued: 0, refused: 0 }, [], []]);
});

test("wallets are looked at a hundred at a time, until there are no more or it is to stop", async () => {
  const { deps, state, takePages } = start([paidIn(october)]);
  state.wallets = Array.from({ length: 150 }, (_, i) => `wal_${String(i).padStart(3, "0")}`);
  assert.deepEqual(await closePeriods(deps), { issued: 150, refused: 0 });
  assert.deepEqual(takePages(), [
    [november, "", 100],
    [november, "wal_099", 100],
  ]);
  const aborted = new AbortController();
  aborted.abort(new Error("enough"));
  await assert.rejects(closePeriods(start([paidIn(october)]).deps, aborted.signal), /enough/);
});

test("a tenant reads its own invoices as they were issued, and one that was changed is told as damaged", async () => {
  const { deps, issued, logged } = start([paidIn(october)]);
  await closePeriods(deps);
  const [stored] = issued;
  assert.ok(stored);
  const { invoiceId } = stored;
  for (const tenantId of ["ten_1", undefined]) {
    const { statement, ...invoice } = await getInvoice(deps, { invoiceId, tenantId });
    assert.deepEqual(invoice, { invoiceId, number: "2026-000001", issuedAt: stored.issuedAt });
    assert.equal(statement.closing_nanos, "100");
  }
  const unknown = { code: "billing.invoice_not_found" };
  assert.deepEqual(await outcomeOf(getInvoice(deps, { invoiceId, tenantId: "ten_2" })), unknown);
  assert.deepEqual(await outcomeOf(getInvoice(deps, { invoiceId: "draft-2026-10-01", tenantId: undefined })), unknown);
  issued[0] = { ...stored, content: stored.content.replace('"100"', '"999"') };
  assert.deepEqual(await outcomeOf(getInvoice(deps, { invoiceId, tenantId: "ten_1" })), {
    ...{ code: "billing.invoice_damaged", number: "2026-000001" },
  });
  assert.deepEqual(logged, [{ invoice_id: invoiceId, msg: "an invoice is not what was issued" }]);
});

test("the period that is to be closed next is shown as its invoice would be now, under a name of its own", async () => {
  const { deps } = start([paidIn(october + 5), paidIn(november + 5, 7n)], november + dayMs);
  const draft = { previewId: "draft-2026-10-01", periodStart: new Date(october), periodEnd: new Date(november) };
  assert.deepEqual(await findPreview(deps, "ten_1"), draft);
  const { statement, ...shown } = await getInvoice(deps, { invoiceId: draft.previewId, tenantId: "ten_1" });
  assert.deepEqual(shown, { invoiceId: draft.previewId, number: null, issuedAt: null });
  assert.equal(statement.closing_nanos, "100");
  await closePeriods(deps);
  assert.equal((await findPreview(deps, "ten_1"))?.previewId, "draft-2026-11-01");
  const unknown = { code: "billing.invoice_not_found" };
  assert.deepEqual(await outcomeOf(getInvoice(deps, { invoiceId: draft.previewId, tenantId: "ten_1" })), unknown);
  const empty = start([]);
  assert.equal(await findPreview(empty.deps, "ten_1"), undefined);
  assert.deepEqual(await outcomeOf(getInvoice(empty.deps, { invoiceId: draft.previewId, tenantId: "ten_1" })), unknown);
});

test("a posting from before the end of the last invoice is shown in the period behind it", async () => {
  const { deps, issued } = start([paidIn(october), paidIn(october + 1)], november + dayMs);
  await closePeriods(deps);
  const [stored] = issued;
  assert.ok(stored);
  issued[0] = { ...stored, lastSequence: 1n };
  assert.deepEqual(await findPreview(deps, "ten_1"), {
    ...{ previewId: "draft-2026-11-01", periodStart: new Date(november), periodEnd: new Date(Date.UTC(2026, 11, 1)) },
  });
});

test("where periods begin on another day than before, the next one begins where the last invoice ended", async () => {
  const { deps, issued } = start([paidIn(october), paidIn(november + dayMs)], november + 2 * dayMs);
  await closePeriods(deps);
  const moved = { ...deps, anchorDay: 15 };
  assert.deepEqual(await findPreview(moved, "ten_1"), {
    ...{ previewId: "draft-2026-11-01", periodStart: new Date(november), periodEnd: new Date(Date.UTC(2026, 10, 15)) },
  });
  assert.equal(issued.length, 1);
});

test("invoices are listed page by page, of a tenant or of all", async () => {
  const { deps, takePages } = start([paidIn(Date.UTC(2026, 7, 1)), paidIn(Date.UTC(2026, 8, 1)), paidIn(october)]);
  await closePeriods(deps);
  takePages();
  const first = await listInvoices(deps, { tenantId: "ten_1", limit: 2 });
  const second = await listInvoices(deps, { tenantId: "ten_1", limit: 2, cursor: first.nextCursor });
  assert.deepEqual(
    [first, second].map(({ rows }) => rows.map(({ number }) => number)),
    [["2026-000001", "2026-000002"], ["2026-000003"]],
  );
  const [, page] = takePages() as [unknown, unknown[]];
  const last = first.rows[1];
  assert.deepEqual(page, [
    ...["ten_1", 3],
    { issuedAt: last?.issuedAt.toISOString(), number: "2026-000002", invoiceId: last?.invoiceId },
  ]);
  assert.equal((await listInvoices(deps, { tenantId: undefined, limit: 9 })).rows.length, 3);
});

test("a statement is of any time of at most 366 days, up to now at the latest", async () => {
  const { deps } = start([paidIn(october), paidIn(october + 5, 7n), paidIn(november, 1n)]);
  const statementOf = (fromMs: number, toMs: number, tenantId = "ten_1") =>
    outcomeOf(getStatement(deps, { tenantId, fromMs, toMs }));
  const part = await statementOf(october + 1, november);
  assert.ok("opening_nanos" in part);
  assert.deepEqual(
    [part.opening_nanos, part.closing_nanos, part.postings],
    ["100", "107", { after: "1", through: "2" }],
  );
  assert.deepEqual((part as { period: unknown }).period, {
    ...{ start: new Date(october + 1).toISOString(), end: new Date(november).toISOString() },
  });
  const nowMs = november + graceMs;
  const periodOf = async (fromMs: number, toMs: number) => {
    const { start, end } = ((await statementOf(fromMs, toMs)) as { period: { start: string; end: string } }).period;
    return [Date.parse(start), Date.parse(end)];
  };
  assert.deepEqual(await periodOf(october, nowMs + dayMs), [october, nowMs]);
  assert.deepEqual(await periodOf(nowMs + 5, nowMs + dayMs), [nowMs, nowMs]);
  const invalid = (reason: string, reason_zh_CN: string) => ({
    ...{ code: "kit.invalid_request", field: "to", reason, reason_zh_CN },
  });
  assert.deepEqual(await statementOf(october, october), invalid("must be after 'from'", "必须晚于“from”"));
  assert.deepEqual(await statementOf(october, october - 1), invalid("must be after 'from'", "必须晚于“from”"));
  assert.ok("period" in (await statementOf(october - 366 * dayMs, october)));
  assert.deepEqual(
    await statementOf(october - 366 * dayMs - 1, october),
    invalid("must be at most 366 days after 'from'", "距“from”不得超过 366 天"),
  );
  assert.deepEqual(await statementOf(october, november, "ten_x"), { code: "billing.wallet_not_found" });
});
