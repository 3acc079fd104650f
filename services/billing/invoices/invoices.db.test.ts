import assert from "node:assert/strict";
import { after, test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { startInvoiceFixture } from "./testdata/invoice-fixture.ts";

const fixture = await startInvoiceFixture({ after });
const { ops, sql, db } = fixture;

const topUp = (tenantId: string, amountNanos: bigint, reference: string) =>
  ops.topUpWallet({ tenantId, amountNanos, reference, source: "manual" });
const readRows = () => sql`select * from invoice order by invoice_id`;

test("an invoice shows the opening balance, what moved it, and the closing balance", async () => {
  const tenantId = await fixture.createTenant();
  await topUp(tenantId, 1_000n, "first");
  await ops.topUpWallet({ tenantId, amountNanos: 500n, reference: "play", source: "grant" });
  await fixture.call(tenantId, "2025-10-02T00:00:00Z", { inputTokens: 10n, cachedInputTokens: 3n, outputTokens: 7n });
  await fixture.call(tenantId, "2025-10-02T00:00:01Z", { inputTokens: 1n, isEstimated: true });
  await fixture.postedAt("2025-10-02T00:00:05Z");
  assert.deepEqual(await fixture.closeAt("2025-11-01T00:59:59Z"), { issued: 0, refused: 0 }, "within the grace");
  assert.deepEqual(await fixture.closeAt("2025-11-01T01:00:00Z"), { issued: 1, refused: 0 });
  const [invoice] = await fixture.listIssued(tenantId);
  assert.equal(invoice?.number, "2025-000001");
  const { statement } = invoice;
  assert.deepEqual(statement.period, { start: "2025-10-01T00:00:00.000Z", end: "2025-11-01T00:00:00.000Z" });
  // 10 + 1.5 + 17.5 = 29 exactly, and 1; nothing is rounded.
  assert.deepEqual([statement.opening_nanos, statement.closing_nanos], ["0", "1470"]);
  assert.deepEqual(statement.sums, [
    { category: "grant", count: 1, amount_nanos: "500" },
    { category: "top_up", count: 1, amount_nanos: "1000" },
    { category: "usage", count: 2, amount_nanos: "-30" },
  ]);
  const [line] = statement.usage;
  assert.deepEqual(line?.buckets, [
    { bucket: "input", quantity: "11", nanos_per_million: "1000000", exact_nanos: "11" },
    { bucket: "cacheRead", quantity: "3", nanos_per_million: "500000", exact_nanos: "1.5" },
    { bucket: "output", quantity: "7", nanos_per_million: "2500000", exact_nanos: "17.5" },
  ]);
  assert.deepEqual(
    [line.charge_nanos, line.rounding_nanos, line.calls, line.estimated_calls, line.price_version],
    ["30", "0", "2", "1", 1],
  );
  assert.deepEqual(
    statement.movements.map(({ reference, posted_at }) => [reference, posted_at]),
    ["first", "play"].map((reference) => [reference, "2025-10-02T00:00:05.000Z"]),
  );
  const events = await fixture.listEvents();
  const said = events.filter(({ type }) => type === "billing.invoice.issued");
  assert.deepEqual([said.length, said[0]?.data["number"], said[0]?.data["chargedNanos"]], [1, "2025-000001", "30"]);
});

test("B24: what comes after the close is posted in the open period and named a correction; closed rows stay byte-identical", async () => {
  const tenantId = await fixture.createTenant();
  await topUp(tenantId, 1_000n, "first");
  await fixture.call(tenantId, "2025-11-03T00:00:00Z", { inputTokens: 10n });
  await fixture.postedAt("2025-11-03T00:00:01Z");
  assert.equal((await fixture.closeAt("2025-12-02T00:00:00Z")).issued, 1);
  const [closed] = await fixture.listIssued(tenantId);
  const before = await readRows();

  await fixture.call(tenantId, "2025-11-30T23:59:59Z", { inputTokens: 20n });
  await fixture.call(tenantId, "2025-12-02T00:00:00Z", { inputTokens: 5n });
  const credit = { tenantId, amountNanos: 7n, reference: "outage", note: "outage of 11 November" };
  const aboutAt = new Date("2025-11-11T12:00:00Z");
  assert.equal((await ops.correctWallet({ ...credit, aboutAt })).isNew, true);
  assert.equal((await ops.correctWallet({ ...credit, aboutAt })).isNew, false, "a repeat changes nothing");
  // A transaction that began before the period's end and is committed after the close.
  await fixture.postedAt("2025-11-30T23:59:59.999Z");
  assert.equal((await fixture.closeAt("2026-01-02T00:00:00Z")).issued, 1);

  const rows = await readRows();
  assert.deepEqual([...rows.slice(0, before.length)], [...before]);
  const [open, same] = await fixture.listIssued(tenantId);
  assert.deepEqual(same, closed);
  assert.equal(open?.statement.period.start, "2025-12-01T00:00:00.000Z");
  assert.deepEqual(
    open.statement.usage.map(({ about_period, charge_nanos }) => [about_period, charge_nanos]),
    [
      [null, "5"],
      ["2025-11-01", "20"],
    ],
  );
  const [correction] = open.statement.movements;
  const { category, about_period, amount_nanos, note } = correction ?? {};
  assert.deepEqual([category, about_period, amount_nanos], ["correction", "2025-11-01", "7"]);
  assert.equal(note, "outage of 11 November");
  assert.deepEqual([open.statement.opening_nanos, open.statement.closing_nanos], ["990", "972"]);
});

test("calls at other rates of one price have lines of their own: tiers, modes, times of day and mark-up", async () => {
  const tenantId = await fixture.createTenant();
  await topUp(tenantId, 1_000_000n, "first");
  const million = 1_000_000n;
  const terms = {
    rates: { input: million, output: 2n * million, reasoning: 4n * million, audioInput: 3n * million },
    tiers: [{ aboveInputTokens: 100n, rates: { input: 10n * million } }],
    modes: { batch: { input: million / 2n } },
    windows: [{ fromMinute: 60, toMinute: 120, rates: { output: 20n * million } }],
    markupPpm: 100_000,
  };
  await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "tiered", terms }] });
  const model = "tiered";
  const day = "2026-01-03T00:00:00Z";
  await fixture.call(tenantId, day, { model, inputTokens: 100n, outputTokens: 1n });
  await fixture.call(tenantId, day, { model, inputTokens: 100n, otherBuckets: { reasoning: 3n } });
  await fixture.call(tenantId, day, { model, inputTokens: 50n, otherBuckets: { audioInput: 51n } });
  await fixture.call(tenantId, day, { model, inputTokens: 10n, serviceMode: "batch" });
  await fixture.call(tenantId, "2026-01-03T01:59:59Z", { model, inputTokens: 1n, outputTokens: 1n });
  await fixture.postedAt("2026-01-03T02:00:00Z");
  const range = { fromMs: Date.parse("2026-01-03T00:00:00Z"), toMs: Date.parse("2026-01-04T00:00:00Z") };
  fixture.moveTo("2026-01-04T00:00:00Z");
  const { usage, other_usage_nanos } = await ops.getStatement({ tenantId, ...range });
  const shown = usage.map((line) => ({
    ...{ mode: line.service_mode, tier: line.tier_above_input_tokens, calls: line.calls, charge: line.charge_nanos },
    used: line.buckets
      .map(({ bucket, quantity, nanos_per_million: rate }) => `${bucket} ${quantity} × ${rate}`)
      .join(", "),
    ...{ markup: line.markup_nanos, rounding: line.rounding_nanos },
  }));
  assert.deepEqual(
    shown.toSorted((a, b) => Number(a.charge) - Number(b.charge)),
    [
      // 5 nanos and half a nano of mark-up, rounded up.
      { mode: "batch", tier: null, calls: "1", charge: "6", used: "input 10 × 500000", markup: "0.5", rounding: "0.5" },
      {
        ...{ mode: null, tier: null, calls: "1", charge: "24", used: "input 1 × 1000000, output 1 × 20000000" },
        ...{ markup: "2.1", rounding: "0.9" },
      },
      {
        ...{ mode: null, tier: null, calls: "2", charge: "237" },
        used: "input 200 × 1000000, output 1 × 2000000, reasoning 3 × 4000000",
        ...{ markup: "21.4", rounding: "1.6" },
      },
      {
        ...{ mode: null, tier: "100", calls: "1", charge: "719", used: "input 50 × 10000000, audioInput 51 × 3000000" },
        ...{ markup: "65.3", rounding: "0.7" },
      },
    ],
  );
  assert.equal(other_usage_nanos, "0");
});

test("a correction takes no more than is available, and a reference names one amount", async () => {
  const tenantId = await fixture.createTenant();
  await topUp(tenantId, 100n, "first");
  const input = { tenantId, reference: "r", aboutAt: new Date(0), note: "" };
  for (const amountNanos of [0n, -101n, 10n ** 15n + 1n]) {
    const refused = ops.correctWallet({ ...input, amountNanos });
    await assert.rejects(refused, (err) => isFailure(err, billingFailures.amount_out_of_range), String(amountNanos));
  }
  assert.equal((await ops.correctWallet({ ...input, amountNanos: -100n })).wallet.balanceNanos, 0n);
  const other = ops.correctWallet({ ...input, amountNanos: -1n });
  await assert.rejects(other, (err) => isFailure(err, billingFailures.reference_reused));
  const stranger = ops.correctWallet({ ...input, tenantId: "ten_none", amountNanos: 1n });
  await assert.rejects(stranger, (err) => isFailure(err, billingFailures.wallet_not_found));
  await fixture.postedAt("2026-01-01T00:00:00Z");
});

test("closing on eight nodes at once issues each invoice once, and numbers have no gap", async () => {
  const tenants = await Promise.all(Array.from({ length: 12 }, () => fixture.createTenant()));
  for (const month of ["2026-02", "2026-03"]) {
    for (const tenantId of tenants) await topUp(tenantId, 10n, month);
    await sql`update posting set created_at = ${`${month}-05T00:00:00Z`} where reference like ${`%/${month}`}`;
  }
  fixture.moveTo("2026-04-02T00:00:00Z");
  const closings = await Promise.all(Array.from({ length: 8 }, () => ops.closePeriods()));
  const issued = closings.reduce((sum, closed) => sum + closed.issued, 0);
  for (const tenantId of tenants) {
    const invoices = await fixture.listIssued(tenantId);
    assert.deepEqual(
      invoices.map(({ number, statement }) => [number, statement.period.start.slice(0, 7), statement.closing_nanos]),
      [
        ["2026-000002", "2026-03", "20"],
        ["2026-000001", "2026-02", "10"],
      ],
    );
  }
  assert.ok(issued >= 24, "all that was due, and nothing twice");
  assert.deepEqual(await ops.closePeriods(), { issued: 0, refused: 0 });
});

test("the service cannot change an invoice, and shows none that was changed", async () => {
  const tenantId = await fixture.createTenant();
  await topUp(tenantId, 10n, "first");
  await fixture.postedAt("2026-04-05T00:00:00Z");
  await fixture.closeAt("2026-05-02T00:00:00Z");
  const [invoice] = await fixture.listIssued(tenantId);
  const invoiceId = invoice?.invoiceId ?? "";
  for (const change of [
    "update invoice set closing_nanos = 1",
    "delete from invoice",
    "update posting_subject set note = ''",
  ]) {
    await assert.rejects(db.sql.unsafe(change), { code: "42501" }, change);
  }
  await sql`update invoice set content = replace(content, '"10"', '"11"') where invoice_id = ${invoiceId}`;
  const damaged = ops.getInvoice({ invoiceId, tenantId });
  await assert.rejects(damaged, (err) => isFailure(err, billingFailures.invoice_damaged));
});

test("a wallet whose journal and balance differ gets no invoice until they agree", async () => {
  const tenantId = await fixture.createTenant();
  await topUp(tenantId, 10n, "first");
  await fixture.postedAt("2026-05-05T00:00:00Z");
  await sql`update entry set amount_nanos = amount_nanos * 2 where posting_id in (
    select posting_id from posting join wallet on chain = wallet_id where tenant_id = ${tenantId})`;
  await sql`update wallet set balance_nanos = 10 where tenant_id = ${tenantId}`;
  assert.deepEqual(await fixture.closeAt("2026-06-02T00:00:00Z"), { issued: 0, refused: 1 });
  await sql`update wallet set balance_nanos = 20 where tenant_id = ${tenantId}`;
  assert.deepEqual(await ops.closePeriods(), { issued: 1, refused: 0 });
});

test("a preview changes with the period, a statement has any range, and both belong to their tenant", async () => {
  const tenantId = await fixture.createTenant();
  assert.equal(await ops.findPreview({ tenantId }), undefined);
  await topUp(tenantId, 10n, "first");
  await fixture.postedAt("2026-06-05T00:00:00Z");
  const preview = await ops.findPreview({ tenantId });
  assert.equal(preview?.previewId, "draft-2026-06-01");
  const draft = await ops.getInvoice({ invoiceId: "draft-2026-06-01", tenantId });
  assert.deepEqual([draft.number, draft.statement.closing_nanos], [null, "10"]);
  for (const [invoiceId, owner] of [
    ["draft-2026-06-01", "ten_none"],
    ["draft-2026-07-01", tenantId],
    ["inv_none", tenantId],
  ] as const) {
    const absent = ops.getInvoice({ invoiceId, tenantId: owner });
    await assert.rejects(absent, (err) => isFailure(err, billingFailures.invoice_not_found), invoiceId);
  }
  const range = (from: string, to: string) => ({ tenantId, fromMs: Date.parse(from), toMs: Date.parse(to) });
  const before = await ops.getStatement(range("2026-06-01T00:00:00Z", "2026-06-05T00:00:00Z"));
  const whole = await ops.getStatement(range("2026-06-05T00:00:00Z", "2026-06-05T00:00:00.001Z"));
  assert.deepEqual([before.closing_nanos, whole.opening_nanos, whole.closing_nanos], ["0", "0", "10"]);
  for (const to of ["2026-06-01T00:00:00Z", "2027-06-03T00:00:00Z"]) {
    await assert.rejects(ops.getStatement(range("2026-06-01T00:00:00Z", to)), { message: /.*/ }, to);
  }
});
