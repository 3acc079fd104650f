import type { Invoice, Party, Statement } from "../statement.ts";
import { type Canvas, pageHeight, pageWidth, type TextStyle } from "./canvas.ts";
import { createFlow, type Flow, margin } from "./flow.ts";
import type { Labels } from "./labels.ts";
import { drawMovements, drawSummary, drawUsage } from "./tables.ts";
import { wrapText } from "./wrap-text.ts";

export interface DrawnDocument {
  readonly kind: "invoice" | "statement";
  readonly invoice: Invoice;
}

const small: TextStyle = { size: 8.5, gray: 0.3 };
const plain: TextStyle = { size: 9 };
const columnGap = 24;
const rightColumn = 268;
const rightWidth = pageWidth - 2 * margin - rightColumn;
const maxNameLines = 4;

/** What the document is called, as its title says. */
export function titleOf({ kind, invoice }: DrawnDocument, labels: Labels): string {
  if (kind === "statement") return labels.statement;
  return invoice.number === null ? labels.draft : `${labels.invoice} ${invoice.number}`;
}

/** Draws an invoice or statement on as many pages as it needs. */
export function drawInvoice(canvas: Canvas, document: DrawnDocument, labels: Labels): void {
  const { statement } = document.invoice;
  const bodyY = drawHead(canvas, document, labels);
  const flow = createFlow(canvas, bodyY);
  drawSummary(flow, statement, labels);
  flow.space(6);
  const isDraft = document.kind === "invoice" && document.invoice.number === null;
  if (document.kind === "invoice")
    flow.paragraph(isDraft ? labels.draftNote : labels.prepaid, { ...small, isBold: isDraft });
  drawSection(flow, labels.usage, () => drawUsage(flow, statement, labels));
  drawSection(flow, labels.movements, () => drawMovements(flow, statement, labels));
  flow.space(10);
  for (const note of [labels.usageNote, labels.made]) flow.paragraph(note, { size: 7.5, gray: 0.45 });
  drawFeet(canvas, document, labels);
}

function drawSection(flow: Flow, title: string, draw: () => void): void {
  flow.space(16);
  flow.paragraph(title, { size: 11.5, isBold: true }, { role: "H2" });
  flow.space(2);
  draw();
}

/** Seller and title, then buyer and the facts of the document. Gives where it ends. */
function drawHead(canvas: Canvas, document: DrawnDocument, labels: Labels): number {
  const { statement } = document.invoice;
  const flow = createFlow(canvas, margin);
  const title =
    document.kind === "statement" ? labels.statement : document.invoice.number === null ? labels.draft : labels.invoice;
  const titleStyle: TextStyle = { size: 22, isBold: true };
  const leftWidth = rightColumn - columnGap;
  canvas.element("H1", () => {
    canvas.text(title, pageWidth - margin, margin + 20, { ...titleStyle, align: "right" });
  });
  const nameWidth = pageWidth - 2 * margin - columnGap - canvas.measure(title, titleStyle);
  flow.y = margin + 4;
  drawLines(flow, canvas, statement.seller.name, { size: 13, isBold: true }, nameWidth);
  for (const line of partyLines(statement.seller, labels))
    drawLines(flow, canvas, line, small, Math.min(nameWidth, 300));
  flow.y = Math.max(flow.y, margin + 34) + 12;
  canvas.rule(margin, flow.y, pageWidth - 2 * margin, 1.25, 0.1);
  flow.y += 14;
  const topY = flow.y;
  flow.paragraph(labels.billedTo, { ...small, isBold: true }, { width: leftWidth });
  const { buyer } = statement;
  drawLines(flow, canvas, buyer.name || statement.tenant_id, { size: 10.5, isBold: true }, leftWidth);
  for (const line of partyLines(buyer, labels)) drawLines(flow, canvas, line, small, leftWidth);
  if (buyer.name) drawLines(flow, canvas, `${labels.tenant}: ${statement.tenant_id}`, small, leftWidth);
  const factsY = drawFacts(canvas, factsOf(document, labels), topY);
  return Math.max(flow.y, factsY) + 16;
}

function drawLines(flow: Flow, canvas: Canvas, text: string, style: TextStyle, width: number): void {
  const lines = wrapText(text, width, (part) => canvas.measure(part, style), maxNameLines);
  // A name that breaks is one paragraph of several lines; `paragraph` would not cut an endless one.
  flow.paragraph(lines.join(" "), style, { width: width + 1 });
}

function partyLines({ address, tax_id, email }: Party, { taxId }: Labels): readonly string[] {
  return [...address, ...(tax_id ? [`${taxId}: ${tax_id}`] : []), ...(email ? [email] : [])];
}

function factsOf({ kind, invoice }: DrawnDocument, labels: Labels): readonly (readonly [string, string])[] {
  const { number, issuedAt, statement } = invoice;
  return [
    ...(kind === "invoice" && number !== null ? [[labels.number, number] as const] : []),
    ...(issuedAt ? [[labels.issued, issuedAt.toISOString().slice(0, 10)] as const] : []),
    [labels.period, periodText(statement)],
    [labels.currency, statement.currency],
    ...(number === null ? [] : [[labels.due, `0.00 ${statement.currency}`] as const]),
  ];
}

/** `2026-10-01 – 2026-10-31` for whole days, else with the times. */
function periodText({ period: { start, end } }: Statement): string {
  if (![start, end].every((time) => time.endsWith("T00:00:00.000Z"))) return `${minuteOf(start)} – ${minuteOf(end)}`;
  const lastDay = new Date(Date.parse(end) - 1).toISOString().slice(0, 10);
  return `${start.slice(0, 10)} – ${lastDay}`;
}

function minuteOf(time: string): string {
  return time.slice(0, 16).replace("T", " ");
}

function drawFacts(canvas: Canvas, facts: readonly (readonly [string, string])[], topY: number): number {
  let y = topY;
  for (const [name, value] of facts) {
    canvas.element("P", () => {
      canvas.text(name, margin + rightColumn, y + 9, small);
      canvas.text(value, margin + rightColumn + rightWidth, y + 9, { ...plain, isBold: true, align: "right" });
    });
    y += 16;
  }
  return y;
}

/** What stands below every page; drawn when their number is known. */
function drawFeet(canvas: Canvas, document: DrawnDocument, labels: Labels): void {
  const y = pageHeight - 34;
  const style: TextStyle = { size: 7.5, gray: 0.45 };
  const left = `${titleOf(document, labels)} · ${document.invoice.statement.tenant_id}`;
  for (let i = 0; i < canvas.pageCount; i++) {
    canvas.goTo(i);
    canvas.rule(margin, y - 12, pageWidth - 2 * margin, 0.4, 0.75);
    canvas.text(left, margin, y, style);
    canvas.text(labels.page(i + 1, canvas.pageCount), pageWidth - margin, y, { ...style, align: "right" });
  }
}
