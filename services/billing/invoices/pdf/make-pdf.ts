import { readFileSync } from "node:fs";
import type { Locale } from "@lyss/kit/errors/failure.ts";
import { createCanvas } from "./canvas.ts";
import { type DrawnDocument, drawInvoice, titleOf } from "./draw-invoice.ts";
import { readFontFace } from "./font-face.ts";
import { labelsByLocale } from "./labels.ts";

export interface PdfRequest extends DrawnDocument {
  readonly locale: Locale;
}

/** Noto Sans SC, under the licence beside it (docs/adr/0046). */
const readFace = (name: string, file: string) =>
  readFontFace(name, readFileSync(new URL(`../fonts/${file}.woff`, import.meta.url)));

/** Makes PDFs; the fonts are read once. */
export function createPdfMaking(): (request: PdfRequest) => Buffer {
  const regular = readFace("NotoSansSC-Regular", "noto-sans-sc-regular");
  const bold = readFace("NotoSansSC-Bold", "noto-sans-sc-bold");
  return (request) => {
    const labels = labelsByLocale[request.locale];
    const { issuedAt, statement } = request.invoice;
    const canvas = createCanvas({ regular, bold });
    drawInvoice(canvas, request, labels);
    return canvas.finish({
      title: titleOf(request, labels),
      author: statement.seller.name,
      language: labels.language,
      createdAt: issuedAt ?? new Date(statement.period.end),
    });
  };
}
