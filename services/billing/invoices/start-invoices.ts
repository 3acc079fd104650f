import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Job } from "@lyss/kit/service/define-service.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import type { z } from "zod";
import type { Journal } from "../journal/journal.ts";
import type { Ledger } from "../ledger.ts";
import type { PriceStore } from "../prices/price-store.ts";
import type { BillingStore } from "../store.ts";
import type { invoiceConfig } from "./invoice-config.ts";
import { createInvoiceStore } from "./invoice-store.ts";
import { createInvoiceOps, type InvoiceOps } from "./ops.ts";
import { createPdfMaker } from "./pdf/pdf-maker.ts";
import { createStatementStore } from "./statement-store.ts";

export interface InvoicesDeps {
  readonly db: Database;
  readonly store: BillingStore;
  readonly priceStore: PriceStore;
  readonly journal: Journal;
  readonly ledger: Ledger;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly currency: string;
  readonly config: z.output<typeof invoiceConfig>;
}

export interface Invoices {
  readonly ops: InvoiceOps;
  readonly jobs: readonly Job[];
  stop(): Promise<void>;
}

const closingEveryMs = 60_000;

/** Periods, invoices and statements on what billing has. */
export function startInvoices({ config, ...shared }: InvoicesDeps): Invoices {
  const { anchorDay, graceMs } = config;
  const { taxId: tax_id, ...seller } = config.seller;
  const pdfMaker = createPdfMaker(shared);
  const [invoices, statementStore] = [createInvoiceStore(shared.db.sql), createStatementStore(shared.db.sql)];
  const ops = createInvoiceOps({
    ...{ ...shared, invoices, statementStore, pdfMaker, anchorDay, graceMs, seller: { ...seller, tax_id } },
  });
  const closing: Job = {
    name: "close-periods",
    everyMs: closingEveryMs,
    async run(signal) {
      const { issued, refused } = await ops.closePeriods(signal);
      if (issued + refused > 0) shared.log.info({ issued, refused }, "billing periods were closed");
    },
  };
  return { ops, jobs: [closing], stop: pdfMaker.stop };
}
