import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { billing } from "../service.ts";
import { startInvoiceFixture } from "./testdata/invoice-fixture.ts";
import { readPdfText } from "./testdata/read-pdf-text.ts";

const fixture = await startInvoiceFixture({ after });
const { ops } = fixture;
after(() => fixture.stop?.());
/** The bearer token is the caller: `<tenant>/<permissions>`. */
const server = await startTestServer({
  mounted: [{ name: "billing", routes: billing.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, permissions] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !permissions) return undefined;
    return { tenantId, userId: "usr_a", keyId: "", ...noSession, permissions: permissions.split(","), models: [] };
  },
});
after(() => server.close());

const reader = "ten_a/billing:read";
const operator = "ten_ops/platform:billing";
const get = (path: string, token = reader) => server.call(token, "GET", path);
async function download(path: string, headers: Record<string, string> = {}) {
  const answer = await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${reader}`, ...headers } });
  return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) };
}

const profile = {
  name: "上海测试科技有限公司",
  address: ["浦东新区世纪大道 88 号"],
  tax_id: "91310000MA1FL0000X",
  email: "ap@example.com",
};
await fixture.createTenant("ten_a");
await ops.topUpWallet({ tenantId: "ten_a", amountNanos: 20_000_000_000n, reference: "=1+1", source: "manual" });
await fixture.call("ten_a", "2025-10-02T00:00:00Z", { inputTokens: 1_234_567n, outputTokens: 9n, model: "模型" });
await fixture.postedAt("2025-10-03T00:00:00Z");

test("who pays for what is set by the tenant, bounded, and frozen into what is issued", async () => {
  assert.deepEqual((await get("/v1/billing/profile")).json, { name: "", address: [], tax_id: "", email: "" });
  const put = (body: object, token = "ten_a/billing:*") => server.call(token, "PUT", "/v1/billing/profile", body);
  assert.equal((await put(profile, reader)).status, 403);
  for (const _ of [1, 2]) assert.deepEqual((await put(profile)).json, profile);
  for (const [field, value] of [
    ["name", ""],
    ["name", "a\nb"],
    ["name", "x".repeat(201)],
    ["address", Array(7).fill("x")],
    ["tax_id", "x".repeat(65)],
    ["fax", "1"],
  ] as const) {
    const { status, json } = await put({ ...profile, [field]: value });
    assert.equal(status, 400);
    assert.ok(String(json.error.details.field).startsWith(field), field);
  }
  fixture.moveTo("2025-11-02T00:00:00Z");
  const closed = await server.call(operator, "POST", "/admin/billing/invoices:close", undefined);
  assert.deepEqual(closed.json, { object: "closed_periods", issued: 1, refused: 0 });
  await put({ ...profile, name: "Another" });
  const { data } = (await get("/v1/billing/invoices")).json;
  assert.equal((await get(`/v1/billing/invoices/${data[0].id}`)).json.buyer.name, profile.name);
});

test("invoices are listed by pages, and only their tenant and the operators see them", async () => {
  const { json } = await get("/v1/billing/invoices?limit=1");
  const [{ id, ...invoice }] = json.data;
  assert.deepEqual(invoice, {
    ...{ object: "invoice", number: "2025-000001", state: "issued", tenant_id: "ten_a", currency: "USD" },
    period: { start: "2025-10-01T00:00:00.000Z", end: "2025-11-01T00:00:00.000Z" },
    ...{ issued_at: "2025-11-02T00:00:00.000Z", opening_nanos: "0", charged_nanos: "1234590" },
    closing_nanos: "19998765410",
  });
  assert.deepEqual((await get("/v1/billing/invoices", "ten_b/billing:*")).json.data, []);
  for (const path of [id, `${id}.pdf`, `${id}.csv`]) {
    const other = await get(`/v1/billing/invoices/${path}`, "ten_b/billing:*");
    assert.deepEqual([other.status, other.json.error.code], [404, "BILLING_060"], path);
  }
  for (const path of ["", `/${id}`]) {
    assert.equal((await get(`/admin/billing/invoices${path}`, "ten_a/*")).status, 403);
    assert.equal((await get(`/admin/billing/invoices${path}`, operator)).status, 200);
  }
  assert.deepEqual((await get("/admin/billing/invoices?tenant_id=ten_b", operator)).json.data, []);
  assert.equal((await get("/v1/billing/invoices", "ten_a/model:call")).status, 403);
});

test("a correction over REST is shown in the draft of the open period", async () => {
  const body = { tenant_id: "ten_a", amount: "-0.5", about: "2025-10-05T00:00:00Z", reference: "c1", note: "double" };
  const correct = (change: object = {}, token = operator) =>
    server.call(token, "POST", "/admin/billing/corrections", { ...body, ...change });
  assert.equal((await correct({}, "ten_a/*")).status, 403);
  const { json } = await correct();
  assert.deepEqual([json.object, json.new, json.balance], ["correction", true, "19.49876541"]);
  assert.equal((await correct()).json.new, false);
  for (const amount of ["", "--1", "1e3", "+1"]) assert.equal((await correct({ amount })).status, 400, amount);
  await fixture.postedAt("2025-11-01T12:00:00Z");
  const [draft] = (await get("/v1/billing/invoices")).json.data;
  assert.deepEqual([draft.id, draft.state, draft.closing_nanos], ["draft-2025-11-01", "draft", null]);
  const { movements, closing_nanos } = (await get("/v1/billing/invoices/draft-2025-11-01")).json;
  assert.deepEqual(
    [movements[0].about_period, movements[0].note, closing_nanos],
    ["2025-10-01", "double", "19498765410"],
  );
});

test("an issued invoice is the same PDF each time, in the caller's language, with text that can be read out of it", async () => {
  const [, { id }] = (await get("/v1/billing/invoices")).json.data;
  const chinese = await download(`/v1/billing/invoices/${id}.pdf`, { "accept-language": "zh-CN" });
  assert.equal(chinese.headers.get("content-type"), "application/pdf");
  assert.equal(chinese.headers.get("content-disposition"), 'attachment; filename="invoice-2025-000001.pdf"');
  const text = readPdfText(chinese.bytes);
  for (const part of ["账单", "用量合计", "期末余额", "发票", profile.name, "模型 · p", "1,234,567", "Lyss Cloud"]) {
    assert.ok(text.includes(part), part);
  }
  const again = await download(`/v1/billing/invoices/${id}?format=pdf&language=zh-CN`);
  assert.ok(again.bytes.equals(chinese.bytes));
  const english = readPdfText((await download(`/v1/billing/invoices/${id}.pdf`)).bytes);
  for (const part of ["Invoice", "Total usage", "Closing balance", "Amount due", "19.99876541", profile.name]) {
    assert.ok(english.includes(part), part);
  }
  const draft = readPdfText((await download("/v1/billing/invoices/draft-2025-11-01.pdf")).bytes);
  assert.ok(draft.includes("Draft invoice") && draft.includes("correction: period from 2025-10-01"));
});

test("CSV is safe to open, and its lines add up from the opening to the closing balance", async () => {
  const { headers, bytes } = await download("/v1/billing/statement?from=2025-10-01T00:00:00Z&format=csv");
  assert.equal(headers.get("content-type"), "text/csv; charset=utf-8");
  assert.equal(headers.get("content-disposition"), 'attachment; filename="statement-2025-10-01-2025-11-02.csv"');
  const lines = bytes.toString().split("\r\n");
  assert.ok(
    lines.some((line) => line.includes(",'=1+1,")),
    "a formula is text",
  );
  const cells = lines.slice(1, -1).map((line) => line.split(","));
  const nanosOf = (...sections: string[]) =>
    cells.filter(([section]) => sections.includes(section ?? "")).reduce((sum, cell) => sum + Number(cell[13]), 0);
  const added = nanosOf("opening", "movement", "usage_bucket", "usage_adjustment", "other_usage");
  assert.equal(added, nanosOf("closing"));
  assert.equal(nanosOf("closing"), 19_498_765_410);
});

test("a statement has a range in order and of at most a year, and is JSON unless asked otherwise", async () => {
  const { json } = await get("/v1/billing/statement?from=2025-10-01T00:00:00Z&to=2025-11-01T00:00:00Z");
  assert.deepEqual([json.object, json.closing_nanos], ["statement", "19998765410"]);
  const pdf = await download("/v1/billing/statement?from=2025-10-01T00:00:00Z&format=pdf&language=zh-CN");
  assert.ok(readPdfText(pdf.bytes).includes("对账单"));
  for (const query of [
    "",
    "from=yesterday",
    "from=2025-10-01T00:00:00Z&to=2025-09-01T00:00:00Z",
    "from=2020-01-01T00:00:00Z",
  ]) {
    assert.equal((await get(`/v1/billing/statement?${query}`)).status, 400, query);
  }
  assert.equal((await get("/v1/billing/statement?from=2025-10-01T00:00:00Z", "ten_b/billing:*")).status, 404);
});
