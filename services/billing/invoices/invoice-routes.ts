import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { type Page, pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { type Route, routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { formatNanos, parseNanos } from "../model.ts";
import type { BillingOps } from "../ops.ts";
import { type DocumentFormat, documentTypes } from "./documents.ts";
import type { Preview } from "./find-invoices.ts";
import { partyFields } from "./invoice-config.ts";
import { invoiceBody, invoiceSummary, statementBody } from "./invoice-schemas.ts";
import type { InvoiceRow } from "./invoice-store.ts";
import type { Invoice } from "./statement.ts";

const { json } = routesFor<BillingOps>();
const operatorPermission = "platform:billing";

const documentQuery = {
  format: z.enum(["json", "csv", "pdf"]).optional().describe("Default: what the id ends with, else json."),
  language: z.enum(["en", "zh-CN"]).optional().describe("Of a PDF. Default: by Accept-Language."),
};
const files = Object.values(documentTypes);
const profile = z.strictObject(partyFields);
const time = z.iso.datetime({ offset: true });

/** What tenants see of their invoices, and operators of everybody's. */
export const invoiceRoutes: readonly Route<BillingOps>[] = [
  json({
    method: "GET",
    path: "/v1/billing/invoices",
    permission: "billing:read",
    operation: "listInvoices",
    summary: "The tenant's invoices, newest first; before them, as a draft, the period that is not closed yet.",
    query: z.strictObject(pageQueryFields),
    response: pageOf(invoiceSummary),
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const page = await ops.listInvoices({ tenantId, ...request.query });
      const preview = request.query.cursor === undefined ? await ops.findPreview({ tenantId }) : undefined;
      const body = toPage(page);
      return preview ? { ...body, data: [toDraft(preview, tenantId), ...body.data] } : body;
    },
  }),
  json({
    method: "GET",
    path: "/v1/billing/invoices/{id}",
    permission: "billing:read",
    operation: "getInvoice",
    summary: "One invoice or draft: as JSON, or as a file with `?format=` or an id that ends in .pdf or .csv.",
    query: z.strictObject(documentQuery),
    response: invoiceBody,
    files,
    failures: [billingFailures.invoice_not_found, billingFailures.invoice_damaged, billingFailures.documents_busy],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return answerInvoice(ops, request, tenantId);
    },
  }),
  json({
    method: "GET",
    path: "/v1/billing/statement",
    permission: "billing:read",
    operation: "getStatement",
    summary: "What was posted to the tenant's wallet between two times: as JSON, CSV or PDF.",
    query: z.strictObject({
      from: time,
      to: time.optional().describe("Exclusive, at most 366 days after 'from'. Default: now."),
      ...documentQuery,
    }),
    response: statementBody,
    files,
    failures: [billingFailures.wallet_not_found, billingFailures.documents_busy],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const { from, to, format = "json", language } = request.query;
      const toMs = to === undefined ? ops.nowMs() : Date.parse(to);
      const statement = await ops.getStatement({ tenantId, fromMs: Date.parse(from), toMs });
      if (format === "json") return { object: "statement" as const, ...statement };
      const invoice = { invoiceId: "", number: null, issuedAt: null, statement };
      return ops.renderDocument({ kind: "statement", invoice, format, locale: localeOf(language, request.locale) });
    },
  }),
  json({
    method: "GET",
    path: "/v1/billing/profile",
    permission: "billing:read",
    operation: "getBillingProfile",
    summary: "Who the tenant's invoices are made out to.",
    response: profile,
    handle: async (ops, request) =>
      toProfile(await ops.getBillingProfile({ tenantId: requireCaller(request).tenantId })),
  }),
  json({
    method: "PUT",
    path: "/v1/billing/profile",
    permission: "billing:update",
    operation: "putBillingProfile",
    summary: "Replaces who the tenant's invoices are made out to, from the next one on.",
    body: z.strictObject({
      name: partyFields.name.min(1),
      address: partyFields.address.default([]),
      tax_id: partyFields.tax_id.default(""),
      email: partyFields.email.default(""),
    }),
    response: profile,
    handle: async (ops, request) =>
      toProfile(await ops.putBillingProfile({ tenantId: requireCaller(request).tenantId, profile: request.body })),
  }),
  ...operatorRoutes(),
];

function operatorRoutes(): readonly Route<BillingOps>[] {
  return [
    json({
      method: "GET",
      path: "/admin/billing/invoices",
      permission: operatorPermission,
      operation: "listAllInvoices",
      summary: "Invoices of every tenant, or of one, newest first.",
      query: z.strictObject({ ...pageQueryFields, tenant_id: z.string().min(1).max(64).optional() }),
      response: pageOf(invoiceSummary),
      async handle(ops, request) {
        const { tenant_id: tenantId, ...page } = request.query;
        return toPage(await ops.listInvoices({ tenantId, ...page }));
      },
    }),
    json({
      method: "GET",
      path: "/admin/billing/invoices/{id}",
      permission: operatorPermission,
      operation: "getAnyInvoice",
      summary: "One invoice of any tenant: as JSON, CSV or PDF.",
      query: z.strictObject(documentQuery),
      response: invoiceBody,
      files,
      failures: [billingFailures.invoice_not_found, billingFailures.invoice_damaged, billingFailures.documents_busy],
      handle: (ops, request) => answerInvoice(ops, request, undefined),
    }),
    json({
      method: "POST",
      path: "/admin/billing/invoices:close",
      permission: operatorPermission,
      operation: "closeBillingPeriods",
      summary:
        "Closes every period that has ended and whose grace is over, as happens by itself. A repeat issues nothing.",
      response: z.strictObject({
        object: z.literal("closed_periods"),
        issued: z.number(),
        refused: z.number().describe("Wallets whose journal and balance do not agree; nothing is issued for them."),
      }),
      handle: async (ops) => ({ object: "closed_periods" as const, ...(await ops.closePeriods()) }),
    }),
    json({
      method: "POST",
      path: "/admin/billing/corrections",
      permission: operatorPermission,
      operation: "correctWallet",
      stepUp: "with_factors",
      summary: "Puts an earlier period right: money given or taken now, which the next invoice shows with that period.",
      body: z.strictObject({
        tenant_id: z.string().min(1).max(64),
        amount: z.string().max(32).describe("Decimal string in units of the currency; negative to take."),
        about: time.describe("A moment in the period that is put right."),
        reference: z.string().min(1).max(120).describe("Names this correction; a repeat with it does nothing."),
        note: z.string().max(200).default("").describe("Why, as the tenant may read it."),
      }),
      response: z.strictObject({
        object: z.literal("correction"),
        new: z.boolean().describe("False when the reference was known."),
        balance_nanos: z.string(),
        balance: z.string(),
      }),
      failures: [
        billingFailures.wallet_not_found,
        billingFailures.reference_reused,
        billingFailures.amount_out_of_range,
      ],
      async handle(ops, { body }) {
        const amountNanos = parseSigned(body.amount);
        const { tenant_id: tenantId, about, reference, note } = body;
        const input = { tenantId, amountNanos, reference, note, aboutAt: new Date(about) };
        const { wallet, isNew } = await ops.correctWallet(input);
        const { balanceNanos } = wallet;
        const balance = { balance_nanos: balanceNanos.toString(), balance: formatNanos(balanceNanos) };
        return { object: "correction" as const, new: isNew, ...balance };
      },
    }),
  ];
}

interface InvoiceRequest {
  readonly params: unknown;
  readonly query: {
    readonly format?: DocumentFormat | "json" | undefined;
    readonly language?: "en" | "zh-CN" | undefined;
  };
  readonly locale: "en_US" | "zh_CN";
}

async function answerInvoice(ops: BillingOps, request: InvoiceRequest, tenantId: string | undefined) {
  const [, invoiceId = "", ending] = /^(.+?)(?:\.(pdf|csv))?$/.exec((request.params as { id: string }).id) ?? [];
  const { format = ending ?? "json", language } = request.query;
  const invoice = await ops.getInvoice({ invoiceId, tenantId });
  if (format === "json") return toInvoiceBody(invoice);
  const locale = localeOf(language, request.locale);
  return ops.renderDocument({ kind: "invoice", invoice, format: format as DocumentFormat, locale });
}

function localeOf(language: "en" | "zh-CN" | undefined, fallback: "en_US" | "zh_CN"): "en_US" | "zh_CN" {
  if (language === undefined) return fallback;
  return language === "en" ? "en_US" : "zh_CN";
}

function toInvoiceBody({ invoiceId: id, number, issuedAt, statement }: Invoice) {
  const state = number === null ? ("draft" as const) : ("issued" as const);
  return { object: "invoice" as const, id, number, state, issued_at: issuedAt?.toISOString() ?? null, ...statement };
}

function toPage(page: Page<InvoiceRow>) {
  return toPageBody(page, (row) => ({
    object: "invoice" as const,
    id: row.invoiceId,
    number: row.number as string | null,
    state: "issued" as "issued" | "draft",
    tenant_id: row.tenantId,
    currency: row.currency as string | null,
    period: { start: row.periodStart.toISOString(), end: row.periodEnd.toISOString() },
    issued_at: row.issuedAt.toISOString() as string | null,
    opening_nanos: row.openingNanos.toString() as string | null,
    charged_nanos: row.chargedNanos.toString() as string | null,
    closing_nanos: row.closingNanos.toString() as string | null,
  }));
}

function toDraft({ previewId, periodStart, periodEnd }: Preview, tenantId: string) {
  const nothing = { number: null, currency: null, issued_at: null };
  return {
    ...{ object: "invoice" as const, id: previewId, state: "draft" as const, tenant_id: tenantId, ...nothing },
    period: { start: periodStart.toISOString(), end: periodEnd.toISOString() },
    ...{ opening_nanos: null, charged_nanos: null, closing_nanos: null },
  };
}

function toProfile({
  name,
  address,
  tax_id,
  email,
}: {
  name: string;
  address: readonly string[];
  tax_id: string;
  email: string;
}) {
  return { name, address: [...address], tax_id, email };
}

function parseSigned(amount: string): bigint {
  const nanos = parseNanos(amount.replace(/^-/, ""));
  if (nanos !== undefined) return amount.startsWith("-") ? -nanos : nanos;
  const reason = "must be a decimal string with at most nine decimals, such as 25 or -0.50";
  const reason_zh_CN = "必须是最多九位小数的十进制数字符串，例如 25 或 -0.50";
  throw new Failure(kitFailures.invalid_request, { field: "amount", reason, reason_zh_CN });
}
