import type { Locale } from "@lyss/kit/errors/failure.ts";
import { FileAnswer } from "@lyss/kit/http/file-answer.ts";
import type { PdfMaker } from "./pdf/pdf-maker.ts";
import { toDay } from "./period.ts";
import type { Invoice } from "./statement.ts";
import { toStatementCsv } from "./statement-csv.ts";

export const documentTypes = { csv: "text/csv; charset=utf-8", pdf: "application/pdf" } as const;
export type DocumentFormat = keyof typeof documentTypes;

export interface DocumentRequest {
  readonly kind: "invoice" | "statement";
  readonly invoice: Invoice;
  readonly format: DocumentFormat;
  readonly locale: Locale;
}

/** An invoice or statement as a file: the same bytes for the same issued invoice and language. Throws `documents_busy`. */
export async function renderDocument({ pdfMaker }: { readonly pdfMaker: PdfMaker }, request: DocumentRequest) {
  const { format, invoice } = request;
  const bytes = format === "csv" ? Buffer.from(toStatementCsv(invoice)) : await pdfMaker.make(request);
  return new FileAnswer(documentTypes[format], toFileName(request), bytes);
}

function toFileName({ kind, invoice, format }: DocumentRequest): string {
  const { number, statement } = invoice;
  const [from, to] = [statement.period.start, statement.period.end].map((time) => toDay(Date.parse(time)));
  if (kind === "statement") return `statement-${from}-${to}.${format}`;
  return number === null ? `draft-${from}.${format}` : `invoice-${number}.${format}`;
}
