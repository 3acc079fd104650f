import type { PageRequest } from "@lyss/kit/http/page.ts";
import { getBillingProfile, putBillingProfile } from "./billing-profile.ts";
import { type ClosingDeps, closePeriods } from "./close-periods.ts";
import { type CorrectionDeps, type CorrectWalletInput, correctWallet } from "./correct-wallet.ts";
import { type DocumentRequest, renderDocument } from "./documents.ts";
import { findPreview, getInvoice, type InvoiceDeps, listInvoices } from "./find-invoices.ts";
import { getStatement, type StatementQueryDeps } from "./get-statement.ts";
import type { PdfMaker } from "./pdf/pdf-maker.ts";
import type { Party } from "./statement.ts";

export type InvoiceOpsDeps = ClosingDeps &
  CorrectionDeps &
  InvoiceDeps &
  StatementQueryDeps & { readonly pdfMaker: PdfMaker };

/** Binds what is done with periods, invoices and statements to what it needs. */
export function createInvoiceOps(deps: InvoiceOpsDeps) {
  return {
    nowMs: () => deps.clock.nowMs(),
    closePeriods: (signal?: AbortSignal) => closePeriods(deps, signal),
    listInvoices: (input: PageRequest & { readonly tenantId: string | undefined }) => listInvoices(deps, input),
    findPreview: ({ tenantId }: { readonly tenantId: string }) => findPreview(deps, tenantId),
    getInvoice: (input: { readonly invoiceId: string; readonly tenantId: string | undefined }) =>
      getInvoice(deps, input),
    getStatement: (input: { readonly tenantId: string; readonly fromMs: number; readonly toMs: number }) =>
      getStatement(deps, input),
    renderDocument: (request: DocumentRequest) => renderDocument(deps, request),
    getBillingProfile: (input: { readonly tenantId: string }) => getBillingProfile(deps, input),
    putBillingProfile: (input: { readonly tenantId: string; readonly profile: Party }) =>
      putBillingProfile(deps, input),
    correctWallet: (input: CorrectWalletInput) => correctWallet(deps, input),
  };
}

export type InvoiceOps = ReturnType<typeof createInvoiceOps>;
