import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { Logger } from "pino";
import { hashContent, nextPeriod, nextRange } from "./close-periods.ts";
import type { DueWallet, InvoiceRow, InvoiceStore } from "./invoice-store.ts";
import { toDay } from "./period.ts";
import { readStatement, type StatementDeps } from "./read-statement.ts";
import type { Invoice, Statement } from "./statement.ts";

export interface InvoiceDeps extends StatementDeps {
  readonly invoices: InvoiceStore;
  readonly currency: string;
  readonly log: Logger;
  readonly clock: { nowMs(): number };
}

/** A period that is not closed yet, as its invoice would be now. */
export interface Preview {
  readonly previewId: string;
  readonly periodStart: Date;
  readonly periodEnd: Date;
}

const previewPrefix = "draft-";

/** Issued invoices of a tenant, or of all when `tenantId` is undefined, newest first. */
export async function listInvoices(
  { invoices }: InvoiceDeps,
  { tenantId, limit, cursor }: PageRequest & { readonly tenantId: string | undefined },
): Promise<Page<InvoiceRow>> {
  const keys = decodeCursor(cursor, 3);
  const [issuedAt = "", number = "", invoiceId = ""] = keys ?? [];
  const after = keys && { issuedAt, number, invoiceId };
  const rows = await invoices.listInvoices({ tenantId, limit: limit + 1, after });
  return toPage(rows, limit, (row) => [row.position, row.number, row.invoiceId]);
}

/** The period that is to be closed next, when something was posted in it. */
export async function findPreview(deps: InvoiceDeps, tenantId: string): Promise<Preview | undefined> {
  const wallet = await deps.invoices.findDueWallet(tenantId, deps.currency);
  return wallet && toPreview(deps, wallet);
}

function toPreview({ anchorDay }: InvoiceDeps, wallet: DueWallet): Preview {
  const { startMs, endMs } = nextPeriod(wallet, anchorDay);
  return {
    previewId: `${previewPrefix}${toDay(startMs)}`,
    periodStart: new Date(startMs),
    periodEnd: new Date(endMs),
  };
}

/**
 * One invoice of a tenant, or of any when `tenantId` is undefined; or the preview of its next one, which is made anew each
 * time. Throws `invoice_not_found`, and `invoice_damaged` for one that is not what was issued.
 */
export async function getInvoice(
  deps: InvoiceDeps,
  { invoiceId, tenantId }: { readonly invoiceId: string; readonly tenantId: string | undefined },
): Promise<Invoice> {
  if (tenantId !== undefined && invoiceId.startsWith(previewPrefix)) return getPreview(deps, tenantId, invoiceId);
  const found = await deps.invoices.findInvoice(invoiceId, tenantId);
  if (!found) throw new Failure(billingFailures.invoice_not_found);
  if (hashContent(found.content) !== found.contentHash) {
    deps.log.error({ invoice_id: invoiceId }, "an invoice is not what was issued");
    throw new Failure(billingFailures.invoice_damaged, { number: found.number });
  }
  const { number, issuedAt, content } = found;
  return { invoiceId, number, issuedAt, statement: JSON.parse(content) as Statement };
}

async function getPreview(deps: InvoiceDeps, tenantId: string, invoiceId: string): Promise<Invoice> {
  const wallet = await deps.invoices.findDueWallet(tenantId, deps.currency);
  if (!wallet || toPreview(deps, wallet).previewId !== invoiceId) throw new Failure(billingFailures.invoice_not_found);
  const statement = await readStatement(deps, await nextRange(deps, wallet));
  return { invoiceId, number: null, issuedAt: null, statement };
}
