import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTrillionths } from "./exact-nanos.ts";
import type { Invoice, Statement, UsageLine } from "./statement.ts";
import { toStatementCsv } from "./statement-csv.ts";

const usage: UsageLine = {
  ...{
    provider: "p",
    model: "m",
    price_id: "prc_1",
    price_version: 3,
    service_mode: "batch",
    about_period: "2026-09-01",
  },
  ...{ tier_above_input_tokens: "200000", calls: "4", estimated_calls: "1" },
  buckets: [
    { bucket: "input", quantity: "3", nanos_per_million: "1500000", exact_nanos: "4.5" },
    { bucket: "output", quantity: "2", nanos_per_million: "4000000", exact_nanos: "8" },
  ],
  ...{ markup_nanos: "-1.25", rounding_nanos: "0.75", uncollected_nanos: "2", charge_nanos: "10" },
};
const party = { name: "", address: [], tax_id: "", email: "" };
const statement: Statement = {
  ...{ tenant_id: "ten_1", wallet_id: "wal_1", currency: "USD", seller: party, buyer: party },
  period: { start: "2026-10-01T00:00:00.000Z", end: "2026-11-01T00:00:00.000Z" },
  ...{ postings: { after: "0", through: "9" }, opening_nanos: "1000", closing_nanos: "1487" },
  sums: [
    { category: "top_up", count: 1, amount_nanos: "500" },
    { category: "usage", count: 4, amount_nanos: "-13" },
  ],
  movements: [
    {
      ...{ posted_at: "2026-10-03T10:00:00.000Z", category: "correction", about_period: "2026-09-01" },
      ...{ reference: "r1", note: "said, so", posting_id: "pst_1", count: 2, amount_nanos: "500" },
    },
  ],
  ...{ usage: [usage], other_usage_nanos: "3" },
};
const invoice: Invoice = { invoiceId: "inv_1", number: "2026-000001", issuedAt: new Date(0), statement };
const linesOf = (one: Invoice) => toStatementCsv(one).split("\r\n").slice(0, -1);

test("an invoice as CSV names its document, and has a line for each thing that moved money, in units and in nanos", () => {
  const names = "2026-09-01,p,m,3,batch,200000";
  assert.deepEqual(linesOf(invoice), [
    "section,item,time,about_period,provider,model,price_version,service_mode,tier_above,calls,quantity,unit_price_per_million,amount,amount_nanos,currency,reference,note",
    "document,2026-000001,2026-10-01T00:00:00.000Z,,,,,,,,,,,,USD,ten_1,2026-11-01T00:00:00.000Z",
    "opening,,2026-10-01T00:00:00.000Z,,,,,,,,,,0.000001,1000,USD,,",
    'movement,correction,2026-10-03T10:00:00.000Z,2026-09-01,,,,,,,2,,0.0000005,500,USD,r1,"said, so"',
    `usage,,,${names},4,,,-0.00000001,-10,USD,prc_1,`,
    `usage_bucket,input,,${names},,3,0.0015,-0.0000000045,-4.5,USD,prc_1,`,
    `usage_bucket,output,,${names},,2,0.004,-0.000000008,-8,USD,prc_1,`,
    `usage_adjustment,markup,,${names},,,,0.00000000125,1.25,USD,prc_1,`,
    `usage_adjustment,rounding,,${names},,,,-0.00000000075,-0.75,USD,prc_1,`,
    `usage_adjustment,uncollected,,${names},,,,0.000000002,2,USD,prc_1,`,
    "other_usage,,,,,,,,,,,,-0.000000003,-3,USD,,",
    "sum,top_up,,,,,,,,,1,,0.0000005,500,USD,,",
    "sum,usage,,,,,,,,,4,,-0.000000013,-13,USD,,",
    "closing,,2026-11-01T00:00:00.000Z,,,,,,,,,,0.000001487,1487,USD,,",
  ]);
});

test("what a line has nothing of stays empty, and adjustments of nothing have no line", () => {
  const plain = {
    ...usage,
    ...{ service_mode: null, tier_above_input_tokens: null, about_period: null },
    ...{ markup_nanos: "0", rounding_nanos: "0", uncollected_nanos: "0" },
  };
  const movements = statement.movements.map((line) => ({ ...line, about_period: null }));
  const lines = linesOf({ ...invoice, number: null, statement: { ...statement, movements, usage: [plain] } });
  assert.match(lines[1] ?? "", /^document,,2026-10-01/);
  assert.match(lines[3] ?? "", /^movement,correction,2026-10-03T10:00:00.000Z,,,/);
  assert.equal(lines[4], "usage,,,,p,m,3,,,4,,,-0.00000001,-10,USD,prc_1,");
  assert.deepEqual(
    lines.map((line) => line.split(",")[0]).filter((section) => section?.startsWith("usage")),
    ["usage", "usage_bucket", "usage_bucket"],
  );
});

test("the lines that move money add up from opening to closing, to the nano", () => {
  const amounts = linesOf(invoice).map((line) => {
    const [section = ""] = line.split(",");
    return { section, amount: /,([-\d.]+),USD,/.exec(line)?.[1] ?? "0" };
  });
  const sum = (...sections: readonly string[]) =>
    amounts
      .filter(({ section }) => sections.includes(section))
      .reduce((total, { amount }) => total + parseTrillionths(amount), 0n);
  const moved = sum("movement", "usage_bucket", "usage_adjustment", "other_usage");
  assert.equal(sum("opening") + moved, sum("closing"));
  assert.equal(sum("opening") + sum("sum"), sum("closing"));
  assert.equal(sum("usage_bucket", "usage_adjustment"), sum("usage"));
});
