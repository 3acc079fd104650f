import type { Invoice } from "../statement.ts";

/** An invoice with everything that can stand on one, and as many lines of usage as wanted: for looking at PDFs. */
export function sampleInvoice(usageLines: number): Invoice {
  const posted = { posted_at: "2026-10-03T10:00:00.000Z", about_period: null, note: "", posting_id: "pst_1", count: 1 };
  return {
    invoiceId: "inv_1",
    number: "2026-000001",
    issuedAt: new Date("2026-11-01T01:00:05Z"),
    statement: {
      ...{ tenant_id: "ten_01m7y7hke7x58cshes0a8f80pb", wallet_id: "wal_1", currency: "USD" },
      period: { start: "2026-10-01T00:00:00.000Z", end: "2026-11-01T00:00:00.000Z" },
      postings: { after: "0", through: "9" },
      seller: {
        name: "Lyss Cloud Services",
        address: ["88 Century Avenue, Pudong", "Shanghai 200120", "China"],
        ...{ tax_id: "91310000MA1FL0000X", email: "billing@example.com" },
      },
      buyer: {
        name: "上海测试科技发展有限公司（中国）自由贸易试验区临港新片区分公司",
        address: ["上海市浦东新区张江高科技园区博云路 2 号浦软大厦 801 室", "201203 上海"],
        ...{ tax_id: "91310115MA1K40000X", email: "财务@例子.公司" },
      },
      opening_nanos: "12500000000",
      sums: [
        { category: "grant", count: 1, amount_nanos: "10000000000" },
        { category: "top_up", count: 2, amount_nanos: "150000000000" },
        { category: "correction", count: 1, amount_nanos: "-1234567900" },
        { category: "usage", count: 1_234_567, amount_nanos: "-72500000000" },
      ],
      closing_nanos: "98765432100",
      movements: [
        { ...posted, category: "top_up", reference: "order 7", amount_nanos: "150000000000" },
        { ...posted, category: "grant", reference: "welcome", amount_nanos: "10000000000" },
        {
          ...{ ...posted, category: "correction", about_period: "2026-09-01", reference: "incident-2026-09-12" },
          note: "因 9 月 12 日的服务中断更正。The outage of September 12 was credited twice.",
          amount_nanos: "-1234567900",
        },
      ],
      usage: Array.from({ length: usageLines }, (_, i) => ({
        ...{ provider: i % 2 ? "openai" : "moonshot-月之暗面", price_id: `prc_${i}`, price_version: i + 1 },
        ...{ service_mode: i === 4 ? "batch" : null, tier_above_input_tokens: i === 5 ? "200000" : null },
        model:
          i % 3 ? `gpt-6-mini-${i}` : `a-very-long-model-name/with-a-path/that-goes-on-and-on-2026-10-instruct-${i}`,
        ...{ about_period: i === 1 ? "2026-09-01" : null, calls: String(1_000 * i + 1) },
        ...{ estimated_calls: i === 2 ? "12" : "0", uncollected_nanos: i === 2 ? "100" : "0" },
        buckets: [
          { bucket: "input", quantity: "123456789", nanos_per_million: "150000000", exact_nanos: "18518518350" },
          { bucket: "cacheRead", quantity: "5000", nanos_per_million: "37500000", exact_nanos: "187500" },
          { bucket: "output", quantity: "777", nanos_per_million: "600000000", exact_nanos: "466200" },
        ],
        ...{ markup_nanos: "0", rounding_nanos: "0.5", charge_nanos: "18519172050" },
      })),
      other_usage_nanos: "0",
    },
  };
}
